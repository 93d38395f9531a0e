/**
 * Derives the merges of a SentencePiece BPE model, which stores only pieces and their scores.
 */
import type { Piece } from "./parse-model.ts";

/** All pairs of pieces that form another piece, best score first. Pieces other than normal ones are never merged. */
export function mergesOfScores(pieces: readonly Piece[]): [string, string][] {
  const idOf = new Map<string, number>();
  pieces.forEach(({ piece, type }, id) => {
    if (type === "normal") idOf.set(piece, id);
  });
  const merges = [...idOf].flatMap(([piece, id]) => {
    const characters = [...piece];
    return characters
      .slice(1)
      .map((_, index) => [characters.slice(0, index + 1).join(""), characters.slice(index + 1).join("")] as const)
      .filter(([left, right]) => idOf.has(left) && idOf.has(right))
      .sort((one, other) => idOf.get(one[0])! - idOf.get(other[0])! || idOf.get(one[1])! - idOf.get(other[1])!)
      .map(([left, right]) => ({ left, right, score: pieces[id]!.score }));
  });
  return merges.sort((one, other) => other.score - one.score).map(({ left, right }) => [left, right]);
}
