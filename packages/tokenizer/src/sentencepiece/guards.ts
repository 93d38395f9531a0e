/**
 * Keeps text that spells a control piece or a byte piece, such as `<s>` or `<0x41>`, from becoming that piece. In SentencePiece
 * those are not in the model that text is matched with; in tokenizer.json they are in the vocabulary like all others.
 */
import { TokenizerError } from "../errors.ts";
import type { TokenizerPart } from "../json/part-fields.ts";
import type { Piece } from "./parse-model.ts";

/** Whether text can become a piece. */
export const isUsable = ({ type }: Piece): boolean => type === "normal" || type === "userDefined";

/** A text as a regular expression that matches it. */
export const escaped = (text: string): string => text.replaceAll(/[\\^$.*+?()[\]{}|\-/]/g, "\\$&");

/** A pre-tokenizer that makes each match of a regular expression a word of its own. */
export function isolate(pattern: string): TokenizerPart {
  return { type: "Split", pattern: { Regex: pattern }, behavior: "Isolated", invert: false };
}

interface Options {
  /** The name of the file in errors. */
  name: string;
  byteFallback: boolean;
}

const fail = (piece: string, name: string): never => {
  const shown = JSON.stringify(piece);
  throw new TokenizerError(
    `${name}: SentencePiece models in which texts can spell the piece ${shown} are not supported`,
  );
};

/** A piece divided in two, where it can be split without other effects. */
type Division = [left: string, right: string];

/** `rights` as alternatives, those of all 256 byte pieces as one. */
function alternatives(rights: readonly string[]): string {
  const bytes = rights.filter((right) => /[0-9A-F]{2}>$/.test(right));
  const starts = new Set(bytes.map((right) => right.slice(0, -3)));
  if (bytes.length !== 256 || starts.size !== 1) return rights.map(escaped).join("|");
  const others = rights.filter((right) => !bytes.includes(right));
  return [...others.map(escaped), `${escaped([...starts][0]!)}[0-9A-F]{2}>`].join("|");
}

/** Pre-tokenizers that split texts in the middle of pieces. */
function splitsAt(divisions: readonly Division[]): TokenizerPart[] {
  const rights = new Map<string, string[]>();
  for (const [left, right] of divisions) rights.set(left, [...(rights.get(left) ?? []), right]);
  if (rights.size === 0) return [];
  return [isolate([...rights].map(([left, all]) => `(?<=${escaped(left)})(?=${alternatives(all)})`).join("|"))];
}

const guarded = (pieces: readonly Piece[]): string[] =>
  pieces.filter((each) => !isUsable(each) && [...each.piece].length > 1).map(({ piece }) => piece);

const charactersOf = (pieces: readonly Piece[]): ReadonlySet<string> =>
  new Set(pieces.filter((each) => isUsable(each) && [...each.piece].length === 1).map(({ piece }) => piece));

/** How pieces are kept out of the texts of a Unigram vocabulary. */
export interface UnigramGuards {
  /** A score for each piece, of which the lowest are never part of the best path. */
  scores: readonly number[];
  /** The lowest score of a piece that texts can have. */
  lowest: number;
  /** Splits texts at positions that no usable piece spans. */
  splits: TokenizerPart[];
}

/**
 * Guards for a Unigram vocabulary. A guarded piece whose characters are all known gets a score lower than theirs together. One
 * with an unknown character would still be better than the unknown piece, but the text can be split beside that character.
 * Neither changes other ids, since no piece covers an unknown character, so that their number in a text is given.
 *
 * @throws {TokenizerError} if there is no such guard.
 */
export function unigramGuards(pieces: readonly Piece[], { name, byteFallback }: Options): UnigramGuards {
  const normal = pieces.filter(({ type }) => type === "normal");
  const known = charactersOf(pieces);
  const lowest = normal.reduce((least, { score }) => Math.min(least, score), 0);
  const divisions: Division[] = [];
  const lowered = new Map<string, number>();
  for (const piece of guarded(pieces)) {
    const characters = [...piece];
    const isKnown = characters.map((character) => known.has(character));
    if (!isKnown.includes(false)) lowered.set(piece, lowest * characters.length - 1);
    else {
      // Unknown characters in a row are one token, unless they are spelled in bytes.
      const at = isKnown.findIndex((one, index) => index > 0 && (byteFallback || one !== isKnown[index - 1]));
      if (at < 0) fail(piece, name);
      divisions.push([characters.slice(0, at).join(""), characters.slice(at).join("")]);
    }
  }
  const uncovered = normal.find(({ piece }) => [...piece].some((character) => !known.has(character)));
  if (uncovered && lowered.size + divisions.length > 0)
    fail([...lowered.keys(), ...divisions.map(([left, right]) => left + right)][0]!, name);
  const scores = pieces.map(({ piece, score, type }) => {
    if (type === "normal") return score;
    // As in SentencePiece 0.2.3: unigram_model.cc.
    if (type === "userDefined") return Math.fround(0.1 * (new TextEncoder().encode(piece).length - 1));
    return lowered.get(piece) ?? lowest;
  });
  return { scores, lowest, splits: splitsAt(divisions) };
}

/**
 * Guards for a BPE vocabulary in which whole words are not merged: splits in the middle of guarded pieces, where no piece has
 * the two characters in a row.
 *
 * @throws {TokenizerError} if there is no such position.
 */
export function wordGuards(pieces: readonly Piece[], { name, byteFallback }: Options): TokenizerPart[] {
  const known = charactersOf(pieces);
  const pairs = new Set<string>();
  for (const each of pieces.filter(isUsable)) {
    const characters = [...each.piece];
    for (let index = 1; index < characters.length; index++) pairs.add(characters[index - 1]! + characters[index]!);
  }
  return splitsAt(
    guarded(pieces).map((piece): Division => {
      const characters = [...piece];
      const at = characters.findIndex(
        (character, index) =>
          index > 0 &&
          !pairs.has(characters[index - 1]! + character) &&
          (byteFallback || known.has(character) || known.has(characters[index - 1]!)),
      );
      return at < 0 ? fail(piece, name) : [characters.slice(0, at).join(""), characters.slice(at).join("")];
    }),
  );
}
