/** The objects of /v1/responses in OpenAI's shape. */
import { randomUUID } from "node:crypto";
import type { ToolCall } from "../chat/tool-calls.ts";
import type { ResponseParameters } from "../schemas/response.ts";

const id = (kind: string) => `${kind}_${randomUUID().replaceAll("-", "")}`;

/** An item of the output. */
export type OutputItem =
  | {
      type: "message";
      id: string;
      status: "in_progress" | "completed" | "incomplete";
      role: "assistant";
      content: OutputText[];
    }
  | { type: "function_call"; id: string; status: "completed"; call_id: string; name: string; arguments: string };

/** A text in a message. */
export interface OutputText {
  type: "output_text";
  text: string;
  annotations: [];
  logprobs: [];
}

/** A text. */
export const outputText = (text: string): OutputText => ({ type: "output_text", text, annotations: [], logprobs: [] });

/** A message that is being written. */
export const startMessage = () =>
  ({ type: "message", id: id("msg"), status: "in_progress", role: "assistant", content: [] as OutputText[] }) as const;

/** A message that has ended. */
export const messageItem = (
  started: { id: string },
  { text, isCut }: { text: string; isCut: boolean },
): OutputItem => ({
  ...{ type: "message", id: started.id, status: isCut ? "incomplete" : "completed", role: "assistant" },
  content: [outputText(text)],
});

/** The call of a function. */
export const callItem = ({ id: callId, function: called }: ToolCall): OutputItem => ({
  ...{ type: "function_call", id: id("fc"), status: "completed", call_id: callId },
  ...called,
});

/** Creates a response; `at` gives it as far as it has come. */
export function createResponse(
  parameters: ResponseParameters,
  { model, promptTokens }: { model: string; promptTokens: number },
) {
  const base = {
    id: id("resp"),
    object: "response",
    created_at: Math.floor(Date.now() / 1000),
    error: null,
    instructions: parameters.instructions ?? null,
    max_output_tokens: parameters.max_output_tokens ?? null,
    model,
    parallel_tool_calls: false,
    previous_response_id: null,
    reasoning: { effort: null, summary: null },
    store: false,
    temperature: parameters.temperature ?? 1,
    text: { format: parameters.text?.format ?? { type: "text" } },
    tool_choice: parameters.tool_choice ?? "auto",
    tools: parameters.tools ?? [],
    top_p: parameters.top_p ?? 1,
    truncation: "disabled",
    user: parameters.user ?? null,
    metadata: parameters.metadata ?? {},
  };
  return {
    /** While it is written. */
    started: { ...base, status: "in_progress", incomplete_details: null, output: [], usage: null },
    ended(output: OutputItem[], { isCut, outputTokens }: { isCut: boolean; outputTokens: number }) {
      return {
        ...base,
        status: isCut ? "incomplete" : "completed",
        incomplete_details: isCut ? { reason: "max_output_tokens" } : null,
        output,
        usage: {
          input_tokens: promptTokens,
          input_tokens_details: { cached_tokens: 0 },
          output_tokens: outputTokens,
          output_tokens_details: { reasoning_tokens: 0 },
          total_tokens: promptTokens + outputTokens,
        },
      };
    },
  };
}
