/**
 * Finds positions at which a text can be cut without changing its ids. A position is safe if no token of the vocabulary spans
 * it, and if its surroundings encode to the same ids whole and in two parts: the first rules out effects of distant merges,
 * the second those of normalizers, pre-tokenizers and added tokens.
 */
import type { EncodeOptions, Tokenizer } from "@megatron-ts/tokenizer";

/** Characters on each side of a cut that are encoded to check it. */
export const CUT_CONTEXT = 256;
const TRIES = 16;

/**
 * Where tokenizers usually split words, best first: before a space between letters; after a line break, and before one;
 * before any space. `across` matches a token that spans such a position. U+2581 is a space in some vocabularies, U+FFFD an
 * incomplete character, which might be any.
 */
const boundaries: { before: RegExp; after: RegExp; across: RegExp }[] = [
  { before: /\p{L}$/u, after: /^ \p{L}/u, across: /[\p{L}\ufffd][ \u2581]/u },
  { before: /\S\n$/u, after: /^\p{L}/u, across: /\n[\p{L}\ufffd]/u },
  { before: /\p{L}$/u, after: /^\n/u, across: /[\p{L}\ufffd]\n/u },
  { before: /\S$/u, after: /^ \S/u, across: /[^\s\u2581][ \u2581]/u },
];

/** A position in the second half of `text.slice(0, near)`, or `near` itself, at which to cut; undefined if there is none. */
export type FindCut = (text: string, near: number) => number | undefined;

/** Scans the vocabulary on the first call. The options are those that documents are encoded with. */
export function createCutFinder(tokenizer: Tokenizer, options: EncodeOptions = { addSpecialTokens: false }): FindCut {
  const encode = (text: string) => tokenizer.encode(text, options);
  let usable: typeof boundaries | undefined;
  return (text, near) => {
    usable ??= usableBoundaries(tokenizer);
    for (const { before, after } of usable) {
      let tries = 0;
      for (let cut = near; cut > near >> 1 && tries < TRIES; cut--) {
        if (!after.test(text.slice(cut, cut + 2)) || !before.test(text.slice(cut - 2, cut))) continue;
        if (isClean(text.slice(Math.max(0, cut - CUT_CONTEXT), cut), text.slice(cut, cut + CUT_CONTEXT), encode))
          return cut;
        tries++;
      }
    }
    return undefined;
  };
}

/** Leaves added tokens to the comparison, since they match text literally. */
function usableBoundaries(tokenizer: Tokenizer): typeof boundaries {
  const added = new Set(tokenizer.json.added_tokens?.map(({ id }) => id));
  let usable = boundaries;
  for (let id = 0; id < tokenizer.vocabularySize && usable.length > 0; id++) {
    if (added.has(id)) continue;
    const token = tokenizer.decode([id]);
    usable = usable.filter(({ across }) => !across.test(token));
  }
  return usable;
}

function isClean(left: string, right: string, encode: (text: string) => Int32Array): boolean {
  const whole = encode(left + right);
  const first = encode(left);
  const second = encode(right);
  return (
    whole.length === first.length + second.length &&
    first.every((id, i) => whole[i] === id) &&
    second.every((id, i) => whole[first.length + i] === id)
  );
}
