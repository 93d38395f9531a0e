/**
 * The samples file of lm-evaluation-harness: a JSON line for each row, with what was read, expected and answered, and the row's
 * own scores, for programs that read its `--log_samples`.
 */
import { createHash } from "node:crypto";
import { fieldsOf, type Prediction, type Score, scorePredictions } from "@megatron-ts/tasks";
import type { LabelledResult } from "./labelled-data.ts";
import { metricNames } from "./lm-eval-results.ts";

const sha256 = (text: string) => createHash("sha256").update(text).digest("hex");

const textOf = (value: unknown): string => (typeof value === "string" ? value : JSON.stringify(value ?? ""));

/** What a model answered, in one text: its label, span or text; all of it where that is more. */
function responseOf(prediction: Prediction): string {
  const { text, label, answer, labels, value } = prediction;
  return textOf(text ?? label ?? answer ?? labels ?? value ?? prediction);
}

/**
 * The lines of the file.
 * @param scores of all rows: those with a standard error are means over rows, so that each row has its own
 */
export function lmEvalSamples(
  taskName: string,
  result: LabelledResult,
  { scores: all }: { scores: Readonly<Record<string, Score>> },
): string {
  const { task, rows, examples, predictions, columns } = result;
  const { read, target: targetField } = fieldsOf(taskName);
  const lines = rows.map(({ values }, index) => {
    const cell = (field: string) => values[columns[field] ?? field];
    const prompt = read.map((field) => textOf(cell(field))).join("\n");
    const target = textOf(cell(targetField));
    const response = responseOf(predictions[index]!);
    const scores = Object.entries(scorePredictions(task, [examples[index]!], [predictions[index]!]));
    const own = scores.flatMap(([name, { value }]) =>
      all[name]?.standardError === undefined ? [] : [[metricNames[name] ?? name, value] as const],
    );
    return JSON.stringify({
      doc_id: index,
      doc: values,
      target,
      arguments: { gen_args_0: { arg_0: prompt } },
      resps: [[response]],
      filtered_resps: [response],
      filter: "none",
      metrics: own.map(([name]) => name),
      doc_hash: sha256(JSON.stringify(values, null, 2)),
      prompt_hash: sha256(prompt),
      target_hash: sha256(target),
      ...Object.fromEntries(own),
      prediction: predictions[index],
    });
  });
  return lines.map((line) => `${line}\n`).join("");
}
