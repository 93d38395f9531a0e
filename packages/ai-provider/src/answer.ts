/** Answers of the server in the AI SDK's words. */
import type { LanguageModelV3Content, LanguageModelV3FinishReason, LanguageModelV3Usage } from "@ai-sdk/provider";

/** A call of a function, as OpenAI writes it. */
export interface CalledFunction {
  id: string;
  type: "function";
  function: { name: string; arguments: string };
}

/** Counts of tokens. */
export interface CompletionUsage {
  prompt_tokens: number;
  completion_tokens: number;
}

/** A whole answer. */
export interface Completion {
  id: string;
  created: number;
  model: string;
  choices: { message: { content: string | null; tool_calls?: CalledFunction[] }; finish_reason: string }[];
  usage: CompletionUsage;
}

/** The text and the calls of a message. */
export function contentOf({
  content,
  tool_calls: calls = [],
}: Completion["choices"][0]["message"]): LanguageModelV3Content[] {
  return [
    ...(content ? [{ type: "text" as const, text: content }] : []),
    ...calls.map(({ id, function: { name, arguments: input } }) => ({
      ...{ type: "tool-call" as const, toolCallId: id, toolName: name, input },
    })),
  ];
}

const UNIFIED: Readonly<Record<string, LanguageModelV3FinishReason["unified"]>> = {
  stop: "stop",
  length: "length",
  tool_calls: "tool-calls",
};

/** Why an answer ended. */
export const finishReasonOf = (raw: string): LanguageModelV3FinishReason => ({ unified: UNIFIED[raw] ?? "other", raw });

/** Counts of tokens, of which the server does not say how many were cached. */
export const usageOf = (usage: CompletionUsage | undefined): LanguageModelV3Usage => ({
  inputTokens: {
    total: usage?.prompt_tokens,
    noCache: undefined,
    cacheRead: undefined,
    cacheWrite: undefined,
  },
  outputTokens: { total: usage?.completion_tokens, text: usage?.completion_tokens, reasoning: undefined },
});
