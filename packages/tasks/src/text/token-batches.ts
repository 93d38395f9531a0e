/**
 * Batches of about as many tokens each, of examples of similar lengths. Every pass over the examples has batches of its own: a
 * function of (examples, seed, step).
 */
import type { StepBatches } from "@megatron-ts/data";
import { hashKey, permutation } from "@megatron-ts/random";
import type { ExampleBatch } from "../batches.ts";

/** How batches are cut. */
export interface TokenBatchOptions<Example> {
  /** The most tokens in a batch, padding included; an example that is longer has a batch of its own. */
  batchTokens: number;
  seed: number;
  /** Tokens of an example. */
  tokensOf(example: Example): number;
}

/** The batches, and how many a pass over the examples takes. */
export interface TokenBatches<Example> extends StepBatches<ExampleBatch<Example>> {
  /** Of the first pass; later ones may differ by a few. */
  readonly perEpoch: number;
}

/** Creates the batches of each step. */
export function createTokenBatches<Example>(
  examples: readonly Example[],
  { batchTokens, seed, tokensOf }: TokenBatchOptions<Example>,
): TokenBatches<Example> {
  const lengths = examples.map(tokensOf);
  let latest = { epoch: 0, first: 0, batches: batchesOf(0) };

  /** The numbers of the examples of each batch of a pass. */
  function batchesOf(epoch: number): number[][] {
    // Examples of equal length come in another order each time.
    const order = [...permutation(hashKey(seed, "task-examples", epoch), examples.length)];
    order.sort((a, b) => lengths[a]! - lengths[b]!);
    const batches: number[][] = [];
    let batch: number[] = [];
    for (const index of order) {
      if (batch.length > 0 && (batch.length + 1) * lengths[index]! > batchTokens) {
        batches.push(batch);
        batch = [];
      }
      batch.push(index);
    }
    batches.push(batch);
    return [...permutation(hashKey(seed, "task-batches", epoch), batches.length)].map((place) => batches[place]!);
  }

  function passWith(step: number): typeof latest {
    if (step < latest.first) latest = { epoch: 0, first: 0, batches: batchesOf(0) };
    while (step >= latest.first + latest.batches.length) {
      const epoch = latest.epoch + 1;
      latest = { epoch, first: latest.first + latest.batches.length, batches: batchesOf(epoch) };
    }
    return latest;
  }

  return {
    perEpoch: latest.batches.length,
    at(step, { rank = 0, ranks = 1 } = {}) {
      const { first, batches } = passWith(step);
      const batch = batches[step - first]!;
      const part = (index: number) => Math.floor((batch.length * index) / ranks);
      const own = batch.slice(part(rank), part(rank + 1)).map((index) => examples[index]!);
      return { batchSize: own.length, examples: own };
    },
  };
}
