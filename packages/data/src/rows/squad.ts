/**
 * Reads questions in SQuAD's JSON (Rajpurkar et al. 2016, 2018), a row for each question. Answers start at a number of characters
 * as Python counts them; a row has them as JavaScript does.
 */
import * as z from "zod";
import { DataError } from "../errors.ts";
import type { Row } from "./row.ts";

const answer = z.looseObject({ text: z.string(), answer_start: z.int().min(0) });
const question = z.looseObject({
  id: z.union([z.string(), z.number()]).optional(),
  question: z.string(),
  answers: z.array(answer).optional(),
  is_impossible: z.boolean().optional(),
});
const schema = z.looseObject({
  data: z.array(
    z.looseObject({
      title: z.string().optional(),
      paragraphs: z.array(z.looseObject({ context: z.string(), qas: z.array(question) })),
    }),
  ),
});

/**
 * The rows of a file: `id`, `title`, `context`, `question` and `answers`, a list of `{ text, start }` that is empty where there is
 * no answer. Their line is the number of the question. Throws a DataError that names the place.
 */
export function readSquad(text: string, source: string): Row[] {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw new DataError(`is not JSON (${(error as Error).message})`, { source });
  }
  const parsed = schema.safeParse(json);
  if (!parsed.success) {
    const { path, message } = parsed.error.issues[0]!;
    throw new DataError(`expected SQuAD's format: ${path.join(".") || "content"}: ${message}`, { source });
  }
  const rows: Row[] = [];
  for (const { title, paragraphs } of parsed.data.data) {
    for (const { context, qas } of paragraphs) {
      const units = codeUnits(context);
      for (const { id, question: asked, answers = [], is_impossible: isImpossible = false } of qas) {
        const line = rows.length + 1;
        const own = isImpossible ? [] : answers;
        const placed = own.map((one) => ({ text: one.text, start: units(one.answer_start) }));
        rows.push({
          values: { id: id ?? line, title: title ?? "", context, question: asked, answers: placed },
          source,
          line,
        });
      }
    }
  }
  return rows;
}

/** From a number of code points to one of UTF-16 units. */
function codeUnits(text: string): (codePoints: number) => number {
  if (!/[\u{10000}-\u{10ffff}]/u.test(text)) return (codePoints) => codePoints;
  const starts: number[] = [];
  let unit = 0;
  for (const character of text) {
    starts.push(unit);
    unit += character.length;
  }
  return (codePoints) => starts[codePoints] ?? text.length;
}
