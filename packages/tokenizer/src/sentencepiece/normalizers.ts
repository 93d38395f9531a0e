/**
 * What SentencePiece does to a text before its model, as normalizers and pre-tokenizers of tokenizer.json (normalizer.cc):
 * the character map, blanks removed and added, blanks written as marks.
 */
import type { TokenizerPart } from "../json/part-fields.ts";
import { createPrecompiledRewrite } from "../text/normalizers/precompiled.ts";
import { MARK } from "../text/pre-tokenizers/metaspace-pre-tokenizer.ts";
import type { SentencePieceModel } from "./parse-model.ts";

const regex = (pattern: string, content: string): TokenizerPart => ({
  type: "Replace",
  pattern: { Regex: pattern },
  content,
});
const literal = (pattern: string, content: string): TokenizerPart => ({
  type: "Replace",
  pattern: { String: pattern },
  content,
});

/** The first of the private characters that stand for user-defined symbols while other text is mapped. */
const PRIVATE = 0x10f000;

/** The character map, which leaves user-defined symbols as they are. */
function characterMap({ characterMap: charsmap, pieces }: SentencePieceModel): TokenizerPart[] {
  if (charsmap === "") return [];
  // Hugging Face's tokenizers have no longest matches; for them, the field has no effect.
  const map = { type: "Precompiled", precompiled_charsmap: charsmap, longest_match: true };
  const { apply } = createPrecompiledRewrite(charsmap, { longestMatch: true });
  const changed = pieces
    .filter(({ piece, type }) => type === "userDefined" && apply(piece) !== piece)
    .map(({ piece }) => piece)
    .sort((one, other) => other.length - one.length);
  // Hugging Face's tokenizers replace CRLF as a whole, by what a CR becomes.
  const lineEnds = apply("\r") === apply("\n") ? [literal("\r\n", "\n\n")] : [];
  const standIn = (index: number): string => String.fromCodePoint(PRIVATE + index);
  return [
    ...lineEnds,
    ...changed.map((piece, index) => literal(piece, standIn(index))),
    map,
    ...changed.map((piece, index) => literal(standIn(index), piece)),
  ];
}

/** The normalizer, after others that come before. Its output has marks instead of blanks, but not the one that is added in front. */
export function normalizerOf(model: SentencePieceModel, before: readonly TokenizerPart[]): TokenizerPart {
  const { addsBlank, removesBlanks, blankIsSuffix } = model;
  const addsSuffix = addsBlank && blankIsSuffix;
  const normalizers = [...before, ...characterMap(model)];
  if (removesBlanks) {
    normalizers.push(regex("\\A +", ""), regex(" {2,}", " "));
    // Marks at the end are removed too, even if they are not blanks.
    normalizers.push(regex(`[ ${MARK}]+\\z`, addsSuffix ? MARK : ""));
    if (addsSuffix) normalizers.push(regex(`(?<=[^ ${MARK}])\\z`, MARK));
  } else if (addsSuffix) normalizers.push(regex("(?<=[\\s\\S])\\z", MARK));
  return { type: "Sequence", normalizers: [...normalizers, literal(" ", MARK)] };
}
