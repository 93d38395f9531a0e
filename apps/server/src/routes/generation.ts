/** Generates for a request: refuses it if too many wait, measures it, and ends it when its client leaves. */
import { randomInt } from "node:crypto";
import type { GenerateRequest, Piece, TokenPiece } from "../engine/protocol.ts";
import { ApiError } from "../errors.ts";
import type { ServerState } from "../http/server-state.ts";
import type { UsedModel } from "../models/model-pool.ts";
import { type SamplingParameters, samplingOptions } from "../schemas/sampling.ts";

/** The fields of a generation whose parameters completions and chats have in common. */
export function commonFields(
  parameters: SamplingParameters,
): Pick<GenerateRequest, "n" | "sampling" | "seed" | "stop" | "stopTokens" | "ignoreEnd"> {
  return {
    n: parameters.n ?? 1,
    sampling: samplingOptions(parameters),
    seed: parameters.seed ?? randomInt(2 ** 31),
    stop: [parameters.stop ?? []].flat(),
    stopTokens: parameters.stop_token_ids ?? [],
    ignoreEnd: parameters.ignore_eos ?? false,
  };
}

/** A generation that has been accepted. */
export interface AcceptedGeneration {
  /** Tokens of all prompts together. */
  promptTokens: number;
  pieces: AsyncIterable<Piece>;
  cancel(): void;
}

/**
 * Starts. Resolves when the prompts are known to fit. Throws an ApiError for a request that cannot be served, and with the
 * status 429 if as many wait as may.
 */
export async function startGeneration(
  { metrics, maxPending }: ServerState,
  { name, engine }: UsedModel,
  { request, signal }: { request: GenerateRequest; signal: AbortSignal },
): Promise<AcceptedGeneration> {
  const choices = request.prompts.length * request.n;
  if (engine.pending + choices > maxPending) {
    throw new ApiError("too many requests are waiting: try again later", {
      status: 429,
      code: "queue_full",
      retryAfter: 1,
    });
  }
  const measured = metrics.startRequest(name);
  const generation = engine.generate(request);
  const abort = () => generation.cancel();
  signal.addEventListener("abort", abort);
  if (signal.aborted) abort();
  let counts: number[];
  try {
    counts = await generation.promptTokens;
  } catch (error) {
    signal.removeEventListener("abort", abort);
    throw error;
  }
  const promptTokens = counts.reduce((sum, count) => sum + count, 0);
  measured.prompt(promptTokens);
  async function* pieces() {
    try {
      for await (const piece of generation) {
        measured.tokens(piece.choice, piece.generatedTokens);
        if (piece.finishReason) measured.end(piece.finishReason);
        yield piece;
      }
    } finally {
      generation.cancel();
      signal.removeEventListener("abort", abort);
    }
  }
  return { promptTokens, pieces: pieces(), cancel: abort };
}

/** A choice that has ended. */
interface WholeChoice {
  text: string;
  tokens: TokenPiece[];
  reason: Piece["finishReason"];
}

/** The choices of a generation that is not streamed, in order. */
export async function collectChoices(
  pieces: AsyncIterable<Piece>,
  { count, usage }: { count: number; usage: Usage },
): Promise<WholeChoice[]> {
  const choices = Array.from({ length: count }, (): WholeChoice => ({ text: "", tokens: [], reason: null }));
  for await (const piece of pieces) {
    usage.add(piece);
    const { choice, text, tokens, finishReason } = piece;
    const whole = choices[choice]!;
    whole.text += text;
    whole.tokens.push(...tokens);
    whole.reason ??= finishReason;
  }
  return choices;
}

/** Running counts of the tokens of a request. */
type Usage = ReturnType<typeof createUsage>;

/** Adds up the tokens that choices have generated. */
export function createUsage(promptTokens: number) {
  const generated = new Map<number, number>();
  return {
    add: ({ choice, generatedTokens }: Piece) => void generated.set(choice, generatedTokens),
    /** In OpenAI's shape. */
    get total() {
      const completion = [...generated.values()].reduce((sum, count) => sum + count, 0);
      return {
        prompt_tokens: promptTokens,
        completion_tokens: completion,
        total_tokens: promptTokens + completion,
      };
    },
  };
}

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** The text of a token as OpenAI shows it: bytes that are no whole characters are spelled out, so that tokens differ. */
export function tokenText(bytes: readonly number[]): string {
  try {
    return utf8.decode(Uint8Array.from(bytes));
  } catch {
    return `bytes:${bytes.map((byte) => `\\x${byte.toString(16).padStart(2, "0")}`).join("")}`;
  }
}

/** Where each token of a text begins, in UTF-16 units, as they come. Parts of a character begin where it does. */
export function createTextOffsets(): (token: TokenPiece) => number {
  const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  let length = 0;
  return ({ bytes, hidden }) => {
    const offset = length;
    if (!hidden) length += decoder.decode(Uint8Array.from(bytes), { stream: true }).length;
    return offset;
  };
}
