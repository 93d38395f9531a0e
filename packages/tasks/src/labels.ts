/** The labels of classified data: which there are, what number a row's label has, and how rare each is. */
import type { Row } from "@megatron-ts/data";
import type { BaseConfig } from "@megatron-ts/model";
import { type Columns, fieldOf } from "./columns.ts";
import { TaskError } from "./errors.ts";

/** Numbers by their value, all else by code points. */
export function sortLabels(labels: Iterable<string>): string[] {
  const all = [...labels];
  const areNumbers = all.every((label) => label.trim() !== "" && Number.isFinite(Number(label)));
  return areNumbers ? all.sort((a, b) => Number(a) - Number(b)) : all.sort();
}

/** The labels that occur, sorted. Throws a TaskError for less than two. */
export function labelsIn(rows: readonly Row[], columns: Columns): string[] {
  const labels = sortLabels(new Set(rows.map((row) => fieldOf(row, { field: "label", columns }))));
  if (labels.length > 1) return labels;
  const [source] = rows.map((row) => row.source);
  throw new TaskError(`expected rows with two labels or more, all have ${JSON.stringify(labels[0])}`, { source });
}

/** n / (number of labels * rows with the label), as scikit-learn's "balanced". */
export function balancedWeights(rows: readonly Row[], { columns }: { columns: Columns }): Record<string, number> {
  const counts = new Map<string, number>();
  for (const row of rows) {
    const label = fieldOf(row, { field: "label", columns });
    counts.set(label, (counts.get(label) ?? 0) + 1);
  }
  return Object.fromEntries([...counts].map(([label, count]) => [label, rows.length / (counts.size * count)]));
}

/** The labels of a model's head. Throws a TaskError for a model without one for texts. */
export function labelsOf(config: BaseConfig): string[] {
  const head = "task" in config ? config.task : undefined;
  if (head?.kind === "sequence-classification" && head.labels.length > 1) return head.labels;
  throw new TaskError("the model has no head that classifies texts: fine-tune it first");
}

/** The number of a label. Throws a TaskError that lists them. */
export function numberOfLabel(label: string, { labels, row }: { labels: readonly string[]; row: Row }): number {
  const found = labels.indexOf(label);
  if (found >= 0) return found;
  throw new TaskError(`the label ${JSON.stringify(label)} is not one of the model's: ${labels.join(", ")}`, row);
}

/** The weight of each label, 1 by default. Throws a TaskError for a label that is none. */
export function weightsOf(labels: readonly string[], labelWeights: Readonly<Record<string, number>>): number[] {
  const unknown = Object.keys(labelWeights).find((label) => !labels.includes(label));
  if (unknown !== undefined) {
    throw new TaskError(`task.labelWeights: ${JSON.stringify(unknown)} is not one of the labels: ${labels.join(", ")}`);
  }
  return labels.map((label) => labelWeights[label] ?? 1);
}
