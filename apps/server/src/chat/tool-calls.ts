/**
 * Functions that a model may call. A call is an answer of its own, `{"name": ..., "arguments": ...}`: constrained output lets an
 * answer that begins with a brace become nothing but the call of one of the functions.
 */
import { randomUUID } from "node:crypto";
import type { Pattern } from "@megatron-ts/generate";
import { ApiError } from "../errors.ts";
import type { ChatParameters } from "../schemas/chat.ts";
import { patternOf } from "../schemas/structured.ts";

/** A call in OpenAI's shape. */
export interface ToolCall {
  id: string;
  type: "function";
  function: { name: string; arguments: string };
}

/** The functions that an answer may call; none with the choice "none". */
export const callable = ({ tools, tool_choice: choice }: ChatParameters): NonNullable<ChatParameters["tools"]> =>
  choice === "none" ? [] : (tools ?? []);

/** Whether an answer is a call, whatever the model would say. */
export const mustCall = ({ tool_choice: choice }: ChatParameters): boolean =>
  choice === "required" || typeof (choice ?? "") === "object";

/** Any text that cannot be taken for a call. */
const PLAIN: Pattern = { kind: "regex", source: "\\s*([^{\\s][^]*)?" };

/** What an answer must be; null for any text. Throws an ApiError for a choice that is no tool. */
export function patternOfChat(parameters: ChatParameters): Pattern | null {
  const pattern = patternOf(parameters);
  const tools = callable(parameters);
  const { tool_choice: choice } = parameters;
  const wanted = typeof choice === "object" && choice !== null ? choice.function.name : null;
  const calls = tools
    .filter(({ function: { name } }) => wanted === null || name === wanted)
    .map(({ function: { name, parameters: schema } }): Pattern => {
      return { kind: "function-call", name, parameters: schema ?? { type: "object" } };
    });
  if (calls.length === 0) {
    if (wanted === null && choice !== "required") return pattern;
    throw new ApiError(`tool_choice: ${wanted === null ? "there are no tools" : `${wanted} is none of the tools`}`, {
      status: 400,
      param: "tool_choice",
    });
  }
  return { kind: "either", patterns: mustCall(parameters) ? calls : [...calls, pattern ?? PLAIN] };
}

/** The call that an answer is; null for a text. */
export function toolCallIn(text: string, tools: NonNullable<ChatParameters["tools"]>): ToolCall | null {
  if (tools.length === 0 || !text.startsWith('{"name": ')) return null;
  let call: { name?: unknown; arguments?: unknown };
  try {
    call = JSON.parse(text);
  } catch {
    // Cut off by max_tokens.
    return null;
  }
  const { name } = call;
  if (!tools.some((tool) => tool.function.name === name) || call.arguments === undefined) return null;
  return {
    id: `call_${randomUUID().replaceAll("-", "")}`,
    type: "function",
    function: { name: name as string, arguments: JSON.stringify(call.arguments) },
  };
}
