/** Where the documents of a packed sample begin and end. */

/** A document's tokens in a row: `from` to `to`, exclusive. */
export interface DocumentSpan {
  from: number;
  to: number;
}

/** The documents of a row of `length` tokens that start at 0 and at `starts`, which ascend; those beyond the row are left out. */
export function documentSpans(starts: ArrayLike<number>, length: number): DocumentSpan[] {
  const bounds = [0, ...Array.from(starts).filter((start) => start > 0 && start < length), length];
  return bounds.slice(1).map((to, i) => ({ from: bounds[i]!, to }));
}

/** Int32Array [tokens, 2] of the keys that each token attends to: those of its document, by the number of each token's document. */
export function documentRanges(documents: ArrayLike<number>, keys: ArrayLike<number> = documents): Int32Array {
  const spans = new Map<number, DocumentSpan>();
  for (let i = 0; i < keys.length; i++) {
    spans.set(keys[i]!, { from: spans.get(keys[i]!)?.from ?? i, to: i + 1 });
  }
  return Int32Array.from({ length: 2 * documents.length }, (_, i) => {
    const { from, to } = spans.get(documents[i >> 1]!) ?? { from: 0, to: 0 };
    return i % 2 === 0 ? from : to;
  });
}

/** The position of each token in its document, by the number of each token's document. */
export function documentPositions(documents: ArrayLike<number>): Int32Array {
  let start = 0;
  return Int32Array.from({ length: documents.length }, (_, i) => {
    if (i > 0 && documents[i] !== documents[i - 1]) start = i;
    return i - start;
  });
}

/** The number of each token's document, from 0. */
export function documentNumbers(starts: ArrayLike<number>, length: number): Int32Array {
  const numbers = new Int32Array(length);
  for (const [document, { from, to }] of documentSpans(starts, length).entries()) numbers.fill(document, from, to);
  return numbers;
}
