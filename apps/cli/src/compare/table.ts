/** A comparison as rows of text: what the terminal, Markdown and the page print alike. */
import { formatBytes, formatCount, formatDuration } from "@megatron-ts/train";
import type { ImpossibleCell, TaskCell } from "./cells.ts";
import type { Comparison } from "./comparison.ts";
import type { CompareConfig } from "./configuration.ts";

/** A table of texts. */
export interface TextTable {
  head: string[];
  rows: string[][];
}

const names: Record<string, string> = {
  bleu: "BLEU",
  chrf: "chrF",
  rouge1: "ROUGE-1",
  rouge2: "ROUGE-2",
  rougeL: "ROUGE-L",
  rougeLsum: "ROUGE-Lsum",
  f1: "F1",
  exactMatch: "exact match",
  hitsAt1: "hits@1",
};

/** Scores in percent, which have two digits; those of 0 to 1 have four. */
const PERCENT = /^(bleu|chrf|rouge)/;

const format = (score: string, value: number) => value.toFixed(PERCENT.test(score) ? 2 : 4);

/** The scores of the table, in its order: those of the recipe, or all that a model has. */
function shownScores(task: string, { models, configuration }: Parts): string[] {
  const { scores } = configuration.tasks[task]!;
  if (scores) return scores;
  const found = models.map(({ tasks }) => tasks[task]).find((cell): cell is TaskCell => !!cell && "scores" in cell);
  return found ? Object.keys(found.scores) : [];
}

type Parts = Pick<Comparison, "models"> & { configuration: CompareConfig };

const scoreIn = (cell: TaskCell | ImpossibleCell | undefined, score: string): string => {
  if (!cell) return "";
  if ("reason" in cell) return "cannot";
  const found = cell.scores[score];
  if (found === undefined) return "none";
  const { value, standardError } = found;
  const error = standardError === undefined ? "" : ` ± ${format(score, standardError)}`;
  return format(score, value) + error;
};

/** Sizes, training, perplexity and scores: a row for each model. */
export function comparisonTable({ models, text }: Comparison, configuration: CompareConfig): TextTable {
  const parts = { models, configuration };
  const columns = Object.keys(configuration.tasks).flatMap((task) =>
    shownScores(task, parts).map((score) => ({ task, score })),
  );
  return {
    head: [
      "model",
      "parameters",
      "sequence (trained / tried)",
      "training data",
      "pretraining",
      "energy",
      "perplexity, by its own definition",
      ...columns.map(({ task, score }) => `${task}: ${names[score] ?? score}`),
    ],
    rows: models.map(({ name, pretraining, tasks }) => {
      const { parameters, trainedLength, triedLength, tokens, seconds, wattHours, perplexities } = pretraining;
      const share = tokens / text.tokens;
      return [
        name,
        formatCount(parameters),
        `${trainedLength} / ${triedLength}`,
        `${formatCount(tokens)} tokens, ${formatBytes(share * text.bytes)}, ${text.languages.join(", ")}`,
        formatDuration(seconds),
        `${wattHours.toPrecision(2)} Wh`,
        perplexities.map(({ metric, value }) => `${value.toFixed(1)} (${metric})`).join(", "),
        ...columns.map(({ task, score }) => scoreIn(tasks[task], score)),
      ];
    }),
  };
}

/** What others have published. */
export const publishedTable = ({ published }: CompareConfig): TextTable => ({
  head: ["published", "parameters", "sequence", "training data", "time", "perplexity", "BLEU", "as reported by"],
  rows: published.map((row) => [
    row.model,
    row.parameters,
    row.sequence,
    row.data,
    row.time,
    row.perplexity,
    row.bleu,
    row.source,
  ]),
});

/** How each cell is computed again, and what it is made of. */
export function cellTable({ models }: Comparison): TextTable {
  const short = (hash: string) => hash.slice(0, 12);
  const rows = models.flatMap(({ name, pretraining, tasks }) =>
    [["pretraining", pretraining] as const, ...Object.entries(tasks)].map(([cell, found]) => {
      if ("reason" in found) return [`${name}/${cell}`, `cannot: ${found.reason}`, "", "", "", "", ""];
      const { data, recipe, seed, weights } = found.hashes;
      const time = formatDuration(found.seconds);
      return [`${name}/${cell}`, found.command, time, short(data), short(recipe), String(seed), short(weights)];
    }),
  );
  return { head: ["cell", "command", "time", "data", "recipe", "seed", "weights"], rows };
}
