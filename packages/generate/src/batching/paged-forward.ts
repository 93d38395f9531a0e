/** Forwards of a causal model over pages, recorded once for each number of sequences and of new tokens. Chooses no tokens. */
import type { PagedCache, PagePool } from "@megatron-ts/attention";
import type { CausalModel } from "@megatron-ts/model";
import { type Captured, captured } from "@megatron-ts/ops";
import * as tf from "@tensorflow/tfjs";
import { readRows } from "../ragged-rows.ts";
import { nextRanges, weightsOf } from "../sessions/step-inputs.ts";

/** New tokens of a sequence. */
interface PlacedTokens {
  /** Pages of the sequence, with room for them. */
  pages: ArrayLike<number>;
  /** How many tokens are before them. */
  length: number;
  tokens: readonly number[];
}

/** A model's forwards. */
export interface PagedForward {
  /** Reads as many new tokens of each sequence. Returns the logits [V] after each of them, or after the last ones. */
  run(rows: readonly PlacedTokens[]): Float32Array[][];
  dispose(): void;
}

/** Creates the forwards of a model over its pool. With `lastOnly`, they give logits after each sequence's last token only. */
export function createPagedForward(
  model: CausalModel,
  pool: PagePool,
  { pagesPerRow, lastOnly = false }: { pagesPerRow: number; lastOnly?: boolean },
): PagedForward {
  const steps = new Map<string, { cache: PagedCache; captured: Captured }>();

  function stepOf(batchSize: number, width: number) {
    const key = `${batchSize}x${width}`;
    const known = steps.get(key);
    if (known) return known;
    const cache = pool.createView({ batchSize, pagesPerRow });
    const run = captured(
      (tokens, positions, ranges) => {
        const { hidden } = model.forward({ tokens: tokens!, positions: positions!, ranges: ranges! }, { cache });
        const read = lastOnly && width > 1 ? tf.slice(hidden, [0, width - 1, 0], [-1, 1, -1]) : hidden;
        return [model.logits(tf.reshape(read, [-1, hidden.shape.at(-1)!]))];
      },
      {
        inputs: [{ shape: [batchSize, width] }, { shape: [batchSize, width] }, { shape: [batchSize, width, 2] }],
        ...weightsOf(model),
      },
    );
    const step = { cache, captured: run };
    steps.set(key, step);
    return step;
  }

  return {
    run(rows) {
      const width = rows[0]!.tokens.length;
      const { cache, captured: run } = stepOf(rows.length, width);
      cache.place(rows);
      const { lengths } = cache;
      const tokens = Int32Array.from(rows.flatMap((row) => row.tokens));
      const positions = Int32Array.from(tokens, (_, i) => lengths[Math.floor(i / width)]! + (i % width));
      const logits = readRows(() => run.run(tokens, positions, nextRanges(positions))[0]!);
      const each = logits.length / rows.length;
      return rows.map((_, row) => logits.slice(row * each, (row + 1) * each));
    },
    dispose() {
      for (const { cache, captured: run } of steps.values()) {
        run.dispose();
        cache.dispose();
      }
      steps.clear();
    },
  };
}
