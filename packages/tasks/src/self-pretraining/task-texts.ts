/** The texts of a task's rows, as documents: those of its text fields, each text once. */
import type { Row } from "@megatron-ts/data";
import { type Columns, cellOf } from "../columns.ts";
import type { TaskDefinition } from "../task.ts";

/** A document for each row, of its texts that no row before has, one a line. */
export function textsOf(rows: readonly Row[], { task, columns }: { task: TaskDefinition; columns: Columns }): string[] {
  const seen = new Set<string>();
  return rows.flatMap((row) => {
    const texts = (task.textFields ?? task.fields).flatMap((field) => textsIn(cellOf(row, { field, columns })));
    const fresh = texts.filter((text) => text.trim() !== "" && !seen.has(text));
    for (const text of fresh) seen.add(text);
    return fresh.length === 0 ? [] : [fresh.join("\n")];
  });
}

/** A text, the texts of a list, or what the messages of a chat say. */
function textsIn(cell: unknown): string[] {
  if (typeof cell === "string") return [cell];
  if (Array.isArray(cell)) return cell.flatMap(textsIn);
  if (typeof cell !== "object" || cell === null) return [];
  const { content, value } = cell as { content?: unknown; value?: unknown };
  return textsIn(content ?? value);
}
