/** Draws the order in which a permutation language model sees its tokens, as an attention mask (Yang et al. 2019). */
import { hashKey, type Key } from "@megatron-ts/random";
import { createDraws, shuffleInPlace } from "../draws.ts";
import type { ObjectiveVocabulary } from "../vocabulary.ts";

/**
 * [T, T]: 1 at [i, j] where token i must not attend to token j. All tokens attend to those that are not predicted, which
 * attend to no predicted one; a predicted token attends to those before it in the order, and not to itself. Runs of
 * `permutationSize` tokens follow each other, each in the same order.
 */
export function drawPermutationMask(
  tokens: Int32Array,
  {
    targets,
    permutationSize,
    vocabulary,
    key,
  }: { targets: Uint8Array; permutationSize: number; vocabulary: ObjectiveVocabulary; key: Key },
): Uint8Array {
  const length = tokens.length;
  const shuffled = shuffleInPlace(
    Array.from({ length: permutationSize }, (_, position) => position),
    createDraws(hashKey(key, "order")),
  );
  const order = Int32Array.from({ length }, (_, i) => i - (i % permutationSize) + shuffled[i % permutationSize]!);
  const hidden = Uint8Array.from(tokens, (token, i) => (targets[i] === 1 || vocabulary.special[token] === 1 ? 1 : 0));
  const rank = Int32Array.from(order, (position, i) => (hidden[i] === 1 ? position : -1));
  const mask = new Uint8Array(length * length);
  for (let i = 0; i < length; i++) {
    const own = targets[i] === 1 ? rank[i]! : rank[i]! + 1;
    for (let j = 0; j < length; j++) {
      if (hidden[j] === 1 && own <= rank[j]!) mask[i * length + j] = 1;
    }
  }
  return mask;
}
