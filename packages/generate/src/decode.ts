/**
 * Token by token from prompts of any lengths. Each row draws from a stream of its own, so a prompt gives the same tokens
 * alone and in a batch. It knows no model: what comes next is a writer's to say.
 */
import { hashKey, uniforms } from "@megatron-ts/random";
import { checkSampling, type SamplingOptions, sample } from "./sampling/sample.ts";
import { openWriter, type WriterOptions, type WritingModel } from "./sessions/decoding-session.ts";

export interface DecodeOptions extends SamplingOptions, WriterOptions {
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
  /** Most tokens to generate. */
  limit: number;
  seen: number[];
  generated: number;
  active: boolean;
}

/**
 * Generates for several prompts at once, yielding tokens as they come. A prompt is continued, or, by a model with an
 * encoder, read. A consumer may end a row by `next(true)` after a token of it. Throws a GenerateError for an empty prompt
 * or one that leaves the model no position.
 */
export function* decode(
  model: WritingModel,
  prompts: readonly ArrayLike<number>[],
  options: DecodeOptions,
): Generator<DecodedToken, void, boolean | undefined> {
  checkSampling(options);
  if (prompts.length === 0) return;
  const writer = openWriter(model, prompts, options);
  try {
    if (options.maxTokens < 1) return;
    const rows = writer.begun.map(
      (begun, index): Row => ({
        limit: Math.min(options.maxTokens, writer.room[index]!),
        seen: Array.from(begun),
        generated: 0,
        active: true,
      }),
    );
    let logits = writer.first();
    while (true) {
      const fresh: (number | null)[] = rows.map(() => null);
      for (const [index, row] of rows.entries()) {
        if (!row.active) continue;
        const token = choose(row, index, { logits: logits[index]!, options });
        const finished = finish(row, token, options);
        const ended = yield { row: index, token, finished };
        row.active = finished === null && !ended;
        if (row.active) fresh[index] = token;
      }
      if (!rows.some(({ active }) => active)) return;
      logits = writer.next(fresh);
    }
  } finally {
    writer.dispose();
  }
}

function choose(row: Row, index: number, { logits, options }: { logits: Float32Array; options: DecodeOptions }) {
  const key = hashKey(options.seed ?? 0, "sample", index);
  const [uniform] = uniforms(key, 1, { start: row.generated });
  return sample(logits, { ...options, seen: row.seen, uniform: uniform! });
}

function finish(row: Row, token: number, { stopTokens }: DecodeOptions): DecodedToken["finished"] {
  row.seen.push(token);
  row.generated++;
  if (stopTokens?.includes(token)) return "stop";
  return row.generated >= row.limit ? "length" : null;
}
