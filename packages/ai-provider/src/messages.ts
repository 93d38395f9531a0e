/** The AI SDK's messages as OpenAI writes them. */
import { type LanguageModelV3Prompt, UnsupportedFunctionalityError } from "@ai-sdk/provider";
import type { CalledFunction } from "./answer.ts";

type Message = LanguageModelV3Prompt[number];
type AssistantPart = Extract<Message, { role: "assistant" }>["content"][number];
type ToolPart = Extract<Message, { role: "tool" }>["content"][number];

/** A message of OpenAI's. */
type ChatMessage = { role: string; content: string | null; tool_calls?: CalledFunction[]; tool_call_id?: string };

/** The messages. Throws an UnsupportedFunctionalityError for a file. */
export const messagesOf = (prompt: LanguageModelV3Prompt): ChatMessage[] => prompt.flatMap(messageOf);

function messageOf(message: Message): ChatMessage[] {
  if (message.role === "system") return [{ role: "system", content: message.content }];
  if (message.role === "user") return [{ role: "user", content: message.content.map(textOf).join("") }];
  if (message.role === "tool") return message.content.flatMap(resultOf);
  const calls = message.content.flatMap(callOf);
  const content = message.content.map(saidOf).join("");
  return [{ role: "assistant", content, ...(calls.length > 0 && { tool_calls: calls }) }];
}

function textOf(part: { type: "text"; text: string } | { type: "file"; mediaType: string }): string {
  if (part.type === "text") return part.text;
  throw new UnsupportedFunctionalityError({ functionality: `files (${part.mediaType})` });
}

/** What the assistant said; what it thought is not sent back. */
const saidOf = (part: AssistantPart) => (part.type === "text" || part.type === "file" ? textOf(part) : "");

function callOf(part: AssistantPart): CalledFunction[] {
  if (part.type !== "tool-call") return [];
  const { toolCallId: id, toolName: name, input } = part;
  return [{ id, type: "function", function: { name, arguments: JSON.stringify(input) } }];
}

function resultOf(part: ToolPart): ChatMessage[] {
  if (part.type !== "tool-result") return [];
  const { toolCallId, output } = part;
  const isText = output.type === "text" || output.type === "error-text";
  const value = output.type === "execution-denied" ? (output.reason ?? "denied") : output.value;
  return [{ role: "tool", tool_call_id: toolCallId, content: isText ? String(value) : JSON.stringify(value) }];
}
