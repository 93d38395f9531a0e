/** POST /v1/completions: OpenAI's legacy completions, whole or streamed. */
import { randomUUID } from "node:crypto";
import type { GenerateRequest, Prompt, TokenPiece } from "../engine/protocol.ts";
import { ApiError } from "../errors.ts";
import { eventStream } from "../http/event-stream.ts";
import { readBody } from "../http/read-body.ts";
import { requireModel, type ServerState } from "../http/server-state.ts";
import { type CompletionParameters, completionSchema } from "../schemas/completion.ts";
import { patternOf } from "../schemas/structured.ts";
import {
  collectChoices,
  commonFields,
  createTextOffsets,
  createUsage,
  startGeneration,
  tokenText,
} from "./generation.ts";

/** Log-probabilities in the shape of legacy completions. */
interface LegacyLogprobs {
  tokens: string[];
  token_logprobs: (number | null)[];
  top_logprobs: (Record<string, number> | null)[];
  text_offset: number[];
}

/** Answers a request. Throws an ApiError for one that cannot be served. */
export async function completions(request: Request, state: ServerState): Promise<Response> {
  const parameters = await readBody(request, { schema: completionSchema, maxBytes: state.maxBodyBytes });
  const model = await requireModel(state, parameters.model);
  const wanted = generateRequest(parameters);
  const { promptTokens, pieces, cancel } = await startGeneration(state, model, {
    request: wanted,
    signal: request.signal,
  });
  const head = {
    id: `cmpl-${randomUUID()}`,
    object: "text_completion",
    created: Math.floor(Date.now() / 1000),
    model: model.name,
  };
  const scored = wanted.logProbabilities !== null;
  const usage = createUsage(promptTokens);
  if (parameters.stream) {
    const wantsUsage = parameters.stream_options?.include_usage === true;
    return eventStream(chunks(), { onCancel: cancel });
    async function* chunks() {
      const offsets = Array.from({ length: wanted.prompts.length * wanted.n }, createTextOffsets);
      for await (const piece of pieces) {
        usage.add(piece);
        if (piece.text === "" && piece.tokens.length === 0 && !piece.finishReason) continue;
        const logprobs = scored ? legacyLogprobs(piece.tokens, offsets[piece.choice]!) : null;
        const choice = { index: piece.choice, text: piece.text, logprobs, finish_reason: piece.finishReason };
        yield { ...head, choices: [choice], ...(wantsUsage && { usage: null }) };
      }
      if (wantsUsage) yield { ...head, choices: [], usage: usage.total };
    }
  }
  const choices = await collectChoices(pieces, { count: wanted.prompts.length * wanted.n, usage });
  return Response.json({
    ...head,
    choices: choices.map(({ text, tokens, reason }, index) => ({
      index,
      text,
      logprobs: scored ? legacyLogprobs(tokens, createTextOffsets()) : null,
      finish_reason: reason,
    })),
    usage: usage.total,
  });
}

function legacyLogprobs(tokens: readonly TokenPiece[], offsetOf: (token: TokenPiece) => number): LegacyLogprobs {
  return {
    tokens: tokens.map(({ bytes }) => tokenText(bytes)),
    token_logprobs: tokens.map(({ logProbability }) => logProbability),
    top_logprobs: tokens.map(({ bytes, logProbability, alternatives }) => {
      if (logProbability === null) return null;
      const likely = alternatives.map((one) => [tokenText(one.bytes), one.logProbability] as const);
      // The token itself is listed even where others are more likely.
      return Object.fromEntries([...likely, [tokenText(bytes), logProbability]]);
    }),
    text_offset: tokens.map(offsetOf),
  };
}

function generateRequest(parameters: CompletionParameters): GenerateRequest {
  const { prompt, n, best_of: bestOf, suffix, logprobs } = parameters;
  if (bestOf !== null && bestOf !== undefined && bestOf !== (n ?? 1)) {
    throw new ApiError("best_of: expected the same as n, since completions are not ranked", {
      status: 400,
      param: "best_of",
      code: "unsupported_value",
    });
  }
  if (suffix) {
    throw new ApiError("suffix: this model does not insert text", {
      status: 400,
      param: "suffix",
      code: "unsupported_value",
    });
  }
  return {
    ...commonFields(parameters),
    prompts: promptsOf(prompt),
    maxTokens: parameters.max_tokens ?? 16,
    logProbabilities: typeof logprobs === "boolean" ? (logprobs ? 0 : null) : (logprobs ?? null),
    echo: parameters.echo ?? false,
    pattern: patternOf(parameters),
  };
}

/** A request's prompts, as the engine takes them. */
export function promptsOf(prompt: CompletionParameters["prompt"]): Prompt[] {
  const one = (value: string | number[]): Prompt =>
    typeof value === "string" ? { kind: "text", text: value } : { kind: "tokens", tokens: value };
  if (typeof prompt === "string") return [one(prompt)];
  const isTokens = (value: typeof prompt): value is number[] => typeof value[0] === "number";
  return isTokens(prompt) ? [one(prompt)] : prompt.map(one);
}
