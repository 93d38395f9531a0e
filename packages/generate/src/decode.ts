/**
 * The decoding loop: token by token, for prompts of any lengths. Each row draws from its own random stream, so a prompt
 * gives the same tokens alone and in a batch. It does not know the model; a decoding session supplies the logits.
 */
import type { Model } from "@megatron-ts/model";
import { hashKey, uniforms } from "@megatron-ts/random";
import { allowedTokens, type ConstrainedText } from "./constraints/constraint.ts";
import type { DecodedToken, DecodeOptions, FinishReason } from "./decoding.ts";
import { checkPrompts } from "./prompts/check-prompts.ts";
import { scoreToken } from "./sampling/log-probabilities.ts";
import { checkSampling } from "./sampling/options.ts";
import { sample } from "./sampling/sample.ts";
import { openDecodingSession } from "./sessions/open-decoding-session.ts";
import { decodeSpeculatively } from "./speculation/decode-speculatively.ts";

interface Row {
  maxTokens: number;
  seen: number[];
  generated: number;
  active: boolean;
  text?: ConstrainedText;
}

/**
 * Generates token ids for several prompts at once, yielding each as soon as it is chosen. Causal and permutation models
 * continue a prompt; encoder-decoders read it. A consumer ends a row early by calling `next(true)` after one of its
 * tokens. Throws a GenerateError for an empty prompt, one longer than the model takes, or an option out of range.
 */
export function* decode(
  model: Model,
  prompts: readonly ArrayLike<number>[],
  options: DecodeOptions,
): Generator<DecodedToken, void, boolean | undefined> {
  checkSampling(options);
  if (prompts.length === 0) return;
  checkPrompts(prompts, model.config);
  const { draft } = options;
  if (draft) return yield* decodeSpeculatively(model, prompts, { ...options, draft });
  const session = openDecodingSession(model, prompts, options);
  try {
    if (options.maxTokens < 1) return;
    const rows = session.promptTokens.map(
      (promptTokens, index): Row => ({
        maxTokens: Math.min(options.maxTokens, session.maxNewTokens[index]!),
        seen: Array.from(promptTokens),
        generated: 0,
        active: true,
        text: options.constraint?.start(),
      }),
    );
    let logits = session.prefill();
    while (true) {
      const chosen: (number | null)[] = rows.map(() => null);
      for (const [index, row] of rows.entries()) {
        if (!row.active) continue;
        const token = sampleNext(row, index, { logits: logits[index]!, options });
        const finishReason = append(row, token, options);
        const { logProbabilities: count } = options;
        const score = count === undefined ? {} : { score: scoreToken(logits[index]!, token, count) };
        const ended = yield { row: index, token, finishReason, ...score };
        row.active = finishReason === null && !ended;
        if (row.active) chosen[index] = token;
      }
      if (!rows.some(({ active }) => active)) return;
      logits = session.decodeStep(chosen);
    }
  } finally {
    session.dispose();
  }
}

function sampleNext(row: Row, index: number, { logits, options }: { logits: Float32Array; options: DecodeOptions }) {
  const key = hashKey(options.seed ?? 0, "sample", index);
  const [uniform] = uniforms(key, 1, { start: row.generated });
  const generated = row.seen.slice(row.seen.length - row.generated);
  const allows = row.text && allowedTokens(row.text, options);
  return sample(logits, { ...options, seen: row.seen, generated, uniform: uniform!, allows });
}

function append(row: Row, token: number, { stopTokens }: DecodeOptions): FinishReason | null {
  row.seen.push(token);
  row.generated++;
  if (stopTokens?.includes(token)) return "stop";
  row.text?.push(token);
  // Without a token to end with, a text ends when nothing may follow.
  if (!stopTokens?.length && row.text?.mask.isComplete) return "stop";
  return row.generated >= row.maxTokens ? "length" : null;
}
