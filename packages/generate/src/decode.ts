/**
 * Token by token from prompts of any lengths, with cached keys and values. Each row draws from a stream of its own, so a
 * prompt gives the same tokens alone and in a batch.
 */
import type { KeyValueCache } from "@megatron-ts/attention";
import type { LanguageModel } from "@megatron-ts/model";
import { hashKey, uniforms } from "@megatron-ts/random";
import * as tf from "@tensorflow/tfjs";
import { GenerateError } from "./errors.ts";
import { checkSampling, type SamplingOptions, sample } from "./sampling.ts";

export interface DecodeOptions extends SamplingOptions {
  /** Most tokens to generate for each prompt. */
  maxTokens: number;
  /** Rows stop after one of these. */
  stopTokens?: readonly number[];
  /** Row r draws from the stream (seed, r). 0 unless told. */
  seed?: number;
}

/** A token of one row, in the order in which they are decided. */
export interface DecodedToken {
  row: number;
  token: number;
  /** Set on a row's last token: it was a stop token, or the row reached `maxTokens` or the model's last position. */
  finished: "stop" | "length" | null;
}

interface Row {
  seen: number[];
  generated: number;
  active: boolean;
}

/**
 * Generates for several prompts at once, yielding tokens as they come. A consumer may end a row by `next(true)` after a
 * token of it. Throws a GenerateError for an empty prompt or one that leaves the model no position.
 */
export function* decode(
  model: LanguageModel,
  prompts: readonly ArrayLike<number>[],
  options: DecodeOptions,
): Generator<DecodedToken, void, boolean | undefined> {
  checkSampling(options);
  const { maxPositions } = model.config;
  checkPrompts(prompts, maxPositions);
  if (options.maxTokens < 1 || prompts.length === 0) return;
  const longest = Math.max(...prompts.map(({ length }) => length));
  const cache = model.createCache({
    batchSize: prompts.length,
    capacity: Math.min(longest + options.maxTokens - 1, maxPositions),
  });
  try {
    const rows = prompts.map((prompt): Row => ({ seen: Array.from(prompt), generated: 0, active: true }));
    let logits = forward(model, cache, prompts);
    while (true) {
      const fresh: number[][] = rows.map(() => []);
      for (const [index, row] of rows.entries()) {
        if (!row.active) continue;
        const token = choose(row, index, { logits, options });
        const finished = finish(row, token, { options, maxPositions });
        const ended = yield { row: index, token, finished };
        row.active = finished === null && !ended;
        if (row.active) fresh[index] = [token];
      }
      if (!rows.some(({ active }) => active)) return;
      logits = forward(model, cache, fresh);
    }
  } finally {
    cache.dispose();
  }
}

function checkPrompts(prompts: readonly ArrayLike<number>[], maxPositions: number): void {
  for (const { length } of prompts) {
    if (length === 0) throw new GenerateError("the prompt is empty: give at least one token");
    if (length > maxPositions) {
      throw new GenerateError(
        `the prompt has ${length} tokens, but the model has ${maxPositions} positions: shorten it`,
      );
    }
  }
}

function choose(
  row: Row,
  index: number,
  { logits, options }: { logits: Float32Array[]; options: DecodeOptions },
): number {
  const key = hashKey(options.seed ?? 0, "sample", index);
  const [uniform] = uniforms(key, 1, { start: row.generated });
  return sample(logits[index]!, { ...options, seen: row.seen, uniform: uniform! });
}

function finish(
  row: Row,
  token: number,
  { options, maxPositions }: { options: DecodeOptions; maxPositions: number },
): DecodedToken["finished"] {
  row.seen.push(token);
  row.generated++;
  if (options.stopTokens?.includes(token)) return "stop";
  // The token itself must still be fed at position seen.length - 1 to go on.
  return row.generated >= options.maxTokens || row.seen.length > maxPositions ? "length" : null;
}

/**
 * Appends each row's tokens to the cache and gives the logits [V] behind its last one. Shorter rows are padded on the
 * right: what is appended for the padding lies beyond the row's length and is never seen.
 */
function forward(model: LanguageModel, cache: KeyValueCache, fresh: readonly ArrayLike<number>[]): Float32Array[] {
  const width = Math.max(...fresh.map(({ length }) => length));
  const tokens = new Int32Array(fresh.length * width);
  const positions = new Int32Array(fresh.length * width);
  for (const [row, ids] of fresh.entries()) {
    for (let i = 0; i < width; i++) {
      tokens[row * width + i] = ids[i] ?? 0;
      positions[row * width + i] = i < ids.length ? cache.lengths[row]! + i : 0;
    }
  }
  const values = tf.tidy(() => {
    const shape: [number, number] = [fresh.length, width];
    const hidden = model.hidden(
      { tokens: tf.tensor2d(tokens, shape, "int32"), positions: tf.tensor2d(positions, shape, "int32") },
      { cache },
    );
    const last = Int32Array.from(fresh, ({ length }, row) => row * width + Math.max(length - 1, 0));
    const flat = tf.reshape(hidden, [fresh.length * width, -1]);
    return model.logits(tf.gather(flat, tf.tensor1d(last, "int32"))).dataSync() as Float32Array;
  });
  cache.advance(fresh.map(({ length }) => length));
  const vocabularySize = values.length / fresh.length;
  return fresh.map((_, row) => values.subarray(row * vocabularySize, (row + 1) * vocabularySize));
}
