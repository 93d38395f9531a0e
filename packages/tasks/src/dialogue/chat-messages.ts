/** The messages of a chat in a row: a list of `{ role, content }` as OpenAI has them, or of `{ from, value }` as ShareGPT has them. */
import type { Row } from "@megatron-ts/data";
import { type Columns, cellOf } from "../columns.ts";
import { TaskError } from "../errors.ts";

/** What someone says. */
export interface ChatMessage {
  role: string;
  content: string;
}

/** Who speaks in ShareGPT's data, if not a model, which goes by many names. */
const SPEAKERS: Readonly<Record<string, string>> = { human: "user", user: "user", system: "system", tool: "tool" };

function messageOf(value: unknown, row: Row): ChatMessage {
  const { role, content, from, value: said } = (value ?? {}) as Record<string, unknown>;
  if (typeof role === "string" && typeof content === "string") return { role, content };
  if (typeof from === "string" && typeof said === "string")
    return { role: SPEAKERS[from] ?? "assistant", content: said };
  throw new TaskError(
    `expected messages like {"role": "user", "content": "Hello"}, got ${JSON.stringify(value) ?? "undefined"}`,
    row,
  );
}

/**
 * The messages of a row, a list or its JSON. Throws a TaskError for one without messages; and where the reply must be known,
 * for one that the assistant never speaks in.
 */
export function messagesIn(row: Row, { columns, labelled }: { columns: Columns; labelled: boolean }): ChatMessage[] {
  const cell = cellOf(row, { field: "messages", columns });
  const list = typeof cell === "string" ? parseList(cell) : cell;
  if (!Array.isArray(list) || list.length === 0) throw new TaskError("expected a list of messages", row);
  const messages = list.map((value) => messageOf(value, row));
  if (!labelled) return messages;
  const last = messages.findLastIndex(({ role }) => role === "assistant");
  if (last < 0) throw new TaskError('no message has the role "assistant", whose replies are learned', row);
  const empty = messages.find(({ role, content }) => role === "assistant" && content.trim() === "");
  if (empty) throw new TaskError("a reply of the assistant is empty", row);
  // What is said after the last reply teaches nothing.
  return messages.slice(0, last + 1);
}

/** A text that is no JSON is a first message of the user. */
function parseList(text: string): unknown {
  if (!text.trim().startsWith("[")) return [{ role: "user", content: text }];
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
