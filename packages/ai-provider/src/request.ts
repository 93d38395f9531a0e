/** A call of the AI SDK as a request of OpenAI's chats, and warnings for what it leaves out. */
import type { LanguageModelV3CallOptions, LanguageModelV3ToolChoice, SharedV3Warning } from "@ai-sdk/provider";
import { messagesOf } from "./messages.ts";

/** The body of the request; a parameter that was not given is not in it. */
export function requestOf(
  model: string,
  call: LanguageModelV3CallOptions,
): { body: Record<string, unknown>; warnings: SharedV3Warning[] } {
  const warnings: SharedV3Warning[] = [];
  const tools = (call.tools ?? []).flatMap((tool) => {
    if (tool.type === "function") {
      const { name, description, inputSchema: parameters } = tool;
      return [{ type: "function", function: { name, description, parameters } }];
    }
    warnings.push({ type: "unsupported", feature: `provider-defined tool ${tool.id}` });
    return [];
  });
  const format = call.responseFormat;
  const schema = format?.type === "json" ? format.schema : undefined;
  const body = {
    model,
    messages: messagesOf(call.prompt),
    max_completion_tokens: call.maxOutputTokens,
    temperature: call.temperature,
    top_p: call.topP,
    top_k: call.topK,
    presence_penalty: call.presencePenalty,
    frequency_penalty: call.frequencyPenalty,
    stop: call.stopSequences?.length ? call.stopSequences : undefined,
    seed: call.seed,
    response_format:
      format?.type !== "json"
        ? undefined
        : schema === undefined
          ? { type: "json_object" }
          : { type: "json_schema", json_schema: { name: format.name ?? "answer", schema, strict: true } },
    ...(tools.length > 0 && { tools, tool_choice: call.toolChoice && toolChoiceOf(call.toolChoice) }),
  };
  return { body: Object.fromEntries(Object.entries(body).filter(([, value]) => value !== undefined)), warnings };
}

const toolChoiceOf = (choice: LanguageModelV3ToolChoice) =>
  choice.type === "tool" ? { type: "function", function: { name: choice.toolName } } : choice.type;
