/** Translates a request to /v1/responses into the equivalent chat. */
import { ApiError } from "../errors.ts";
import type { ChatParameters } from "../schemas/chat.ts";
import type { ResponseParameters } from "../schemas/response.ts";

type Message = ChatParameters["messages"][number];

/** The chat, whose messages are in the order of the items. */
export function asChat(parameters: ResponseParameters): ChatParameters {
  const { input, instructions, tools, tool_choice: choice, text } = parameters;
  const items = typeof input === "string" ? [{ role: "user" as const, content: input }] : input;
  const first: Message[] = instructions == null ? [] : [{ role: "system", content: instructions }];
  const format = text?.format;
  return {
    messages: [...first, ...items.map(messageOf)],
    temperature: parameters.temperature,
    top_p: parameters.top_p,
    seed: parameters.seed,
    max_completion_tokens: parameters.max_output_tokens,
    response_format:
      format?.type === "json_schema" ? { type: "json_schema", json_schema: { schema: format.schema } } : format,
    tools: tools?.map(({ type, ...own }) => ({ type, function: own })),
    tool_choice:
      typeof choice === "object" && choice !== null ? { type: "function", function: { name: choice.name } } : choice,
  };
}

function messageOf(item: Exclude<ResponseParameters["input"], string>[number]): Message {
  if (item.type === "function_call") {
    const { call_id: id, name, arguments: given } = item;
    return { role: "assistant", tool_calls: [{ id, type: "function", function: { name, arguments: given } }] };
  }
  if (item.type === "function_call_output") {
    return { role: "tool", tool_call_id: item.call_id, content: textOf(item.output) };
  }
  // Templates know the older name.
  return { role: item.role === "developer" ? "system" : item.role, content: textOf(item.content) };
}

const textOf = (content: string | readonly { text: string }[]) =>
  typeof content === "string" ? content : content.map(({ text }) => text).join("");

/** What chats call otherwise. */
const NAMES: Readonly<Record<string, string>> = { max_tokens: "max_output_tokens", messages: "input" };

/** An error of the chat, with the parameter that the request has for it. */
export function withResponseNames(error: unknown): unknown {
  const param = error instanceof ApiError ? NAMES[error.fields.param ?? ""] : undefined;
  return param === undefined
    ? error
    : new ApiError((error as ApiError).message, { ...(error as ApiError).fields, param });
}
