/**
 * Finds places in a text where it can be cut without changing its ids. A place is safe when no token of the vocabulary
 * reaches across it, and encoding what stands around it, whole and in two, gives the same ids: the first rules out
 * that distant merges depend on each other, the second shows what normalisers, pre-tokenizers and added tokens do.
 */
import type { Tokenizer } from "@megatron-ts/tokenizer";

/** Characters on each side of a cut that are encoded to see whether it changes anything. */
export const CUT_CONTEXT = 256;
const TRIES = 16;

/**
 * Where tokenizers tend to part words anyhow, best first: before a space between letters; after a line end, and before
 * one; before any space. `across` matches a token that does not stop there; U+2581 stands for a space in some
 * vocabularies, U+FFFD for an incomplete character, which might be any.
 */
const boundaries: { before: RegExp; after: RegExp; across: RegExp }[] = [
  { before: /\p{L}$/u, after: /^ \p{L}/u, across: /[\p{L}\ufffd][ \u2581]/u },
  { before: /\S\n$/u, after: /^\p{L}/u, across: /\n[\p{L}\ufffd]/u },
  { before: /\p{L}$/u, after: /^\n/u, across: /[\p{L}\ufffd]\n/u },
  { before: /\S$/u, after: /^ \S/u, across: /[^\s\u2581][ \u2581]/u },
];

/** Gives a place at or before `near`, but in its upper half, at which the text can be cut; undefined where none is found. */
export type FindCut = (text: string, near: number) => number | undefined;

/** The vocabulary is looked through when the first cut is asked for. */
export function createCutFinder(tokenizer: Tokenizer): FindCut {
  const encode = (text: string) => tokenizer.encode(text, { addSpecialTokens: false });
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

/** Added tokens are left to the comparison: they are matched in the text as they stand. */
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
