/**
 * Hits@1 of 20 (Zhang et al. 2018): whether a model finds the right reply more probable, by the mean of its tokens, than the
 * replies of 19 other chats. A tie is wrong.
 */

import type { Model } from "@megatron-ts/model";
import { hashKey, permutation } from "@megatron-ts/random";
import { finiteValues } from "../finite-values.ts";
import { type LossPair, type PairLossOptions, pairLosses } from "../text/pair-loss.ts";
import type { DialogueExample } from "./chat-examples.ts";

const CANDIDATES = 20;
const SEED = 0;

/** Other replies for each chat: the same whatever the batches. Null where there are fewer than 19. */
export function otherReplies(
  example: DialogueExample,
  among: readonly DialogueExample[],
): readonly Int32Array[] | null {
  const order = permutation(hashKey(SEED, "other-replies", among.indexOf(example)), among.length);
  const found = new Map<string, Int32Array>();
  for (const index of order) {
    const { text, reply } = among[index]!;
    if (text.trim() !== example.text.trim()) found.set(text.trim(), reply);
    if (found.size === CANDIDATES - 1) return [...found.values()];
  }
  return null;
}

/** Whether the right reply is the most probable. */
export function ranksFirst(
  model: Model,
  { prompt, reply }: DialogueExample,
  { others, room, ...options }: { others: readonly Int32Array[]; room: number } & Omit<PairLossOptions, "smoothing">,
): boolean {
  const pairs = [reply, ...others].map((ids): LossPair => ({ source: prompt, target: ids.subarray(0, room) }));
  const [own, ...rest] = sumsOf(model, pairs, options).map((sum, index) => sum / pairs[index]!.target.length);
  return rest.every((loss) => own! < loss);
}

/** The loss of each pair, in nats. */
export function sumsOf(
  model: Model,
  pairs: readonly LossPair[],
  options: Omit<PairLossOptions, "smoothing">,
): number[] {
  const losses = pairLosses(model, pairs, { ...options, smoothing: 0 });
  const values = Array.from(finiteValues(losses.dataSync()));
  const width = losses.shape[1]!;
  losses.dispose();
  return pairs.map((_, row) => values.slice(row * width, (row + 1) * width).reduce((sum, loss) => sum + loss, 0));
}
