/** Computes all cells of a comparison, one after the other; and one cell again, to see that it is the same to the bit. */
import { rmSync } from "node:fs";
import { join } from "node:path";
import { UsageError } from "../errors.ts";
import type { Terminal } from "../terminal/terminal.ts";
import { type CellStore, type ImpossibleCell, openCells, type PretrainedCell, type TaskCell } from "./cells.ts";
import type { CompareConfig } from "./configuration.ts";
import { type CellContext, pretrainedCell } from "./pretrain-cell.ts";
import { taskCell } from "./task-cell.ts";
import { prepareText } from "./text.ts";

/** A model with its cells. */
interface ComparedModel {
  name: string;
  pretraining: PretrainedCell;
  tasks: Record<string, TaskCell | ImpossibleCell>;
}

/** What all models were trained on, and how each did. */
export interface Comparison {
  text: { description: string; languages: readonly string[]; bytes: number; tokens: number; vocabularySize: number };
  models: ComparedModel[];
}

async function openContext(configuration: CompareConfig, terminal: Terminal): Promise<CellContext> {
  const needsSentences = Object.values(configuration.models).some(({ sentences }) => sentences);
  const text = await prepareText(configuration, { needsSentences, terminal });
  const { directory } = configuration.run;
  return { configuration, text, cells: openCells(directory), watch: { terminal }, runs: directory };
}

/** Computes what is missing. The engine must have been started. `onCell` is called after each cell. */
export async function compare(
  configuration: CompareConfig,
  { terminal, onCell }: { terminal: Terminal; onCell?: (soFar: Comparison) => void },
): Promise<Comparison> {
  const context = await openContext(configuration, terminal);
  const { counts } = context.text.datasets.documents.sidecar;
  const { description, languages } = configuration.text;
  const { bytes, tokens } = counts;
  const { vocabularySize } = context.text.tokenizer;
  const comparison: Comparison = { text: { description, languages, bytes, tokens, vocabularySize }, models: [] };
  for (const name of Object.keys(configuration.models)) {
    const model: ComparedModel = { name, pretraining: await pretrainedCell(name, context), tasks: {} };
    comparison.models.push(model);
    onCell?.(comparison);
    for (const task of Object.keys(configuration.tasks)) {
      model.tasks[task] = await taskCell({ model: name, task }, model.pretraining, context);
      onCell?.(comparison);
    }
  }
  return comparison;
}

/** How a cell that was computed again differs from the saved one; nothing if it does not. */
export interface Verification {
  cell: string;
  weights: string;
  differences: string[];
}

/** Keeps nothing, so that a cell is computed. */
const noCells: CellStore = { read: () => null, write: async () => {} };

/**
 * Computes a saved cell again in a directory of its own, and compares data, recipe, weights and scores. Default: the one that took the
 * least time. Throws a UsageError for a cell that there is not.
 */
export async function verifyCell(
  configuration: CompareConfig,
  { cell, terminal }: { cell: string | null; terminal: Terminal },
): Promise<Verification> {
  const context = await openContext(configuration, terminal);
  const { models } = await compare(configuration, { terminal });
  const all = models.flatMap(({ name, pretraining, tasks }) => [
    {
      name: `${name}/pretraining`,
      model: name,
      task: null,
      pretraining,
      saved: pretraining as PretrainedCell | TaskCell,
    },
    ...Object.entries(tasks).flatMap(([task, saved]) =>
      "reason" in saved ? [] : [{ name: `${name}/${task}`, model: name, task, pretraining, saved }],
    ),
  ]);
  const shortest = [...all].sort((a, b) => a.saved.seconds - b.saved.seconds)[0]!;
  const chosen = cell === null ? shortest : all.find(({ name }) => name === cell);
  if (!chosen) {
    throw new UsageError(`--verify: expected ${all.map(({ name }) => name).join(" or ")}, got ${cell}`);
  }
  const runs = join(configuration.run.directory, "verify");
  rmSync(runs, { recursive: true, force: true });
  const own = { ...context, cells: noCells, runs };
  const again =
    chosen.task === null
      ? await pretrainedCell(chosen.model, own)
      : await taskCell({ model: chosen.model, task: chosen.task }, chosen.pretraining, own);
  return {
    cell: chosen.name,
    weights: chosen.saved.hashes.weights,
    differences: differencesOf(resultOf(chosen.saved), resultOf(again as PretrainedCell | TaskCell)),
  };
}

/** What must be equal; times, energy and directories need not. */
const resultOf = (cell: PretrainedCell | TaskCell): Record<string, unknown> => ({
  ...cell.hashes,
  ...("scores" in cell ? { scores: cell.scores } : { perplexities: cell.perplexities }),
});

function differencesOf(saved: Record<string, unknown>, again: Record<string, unknown>): string[] {
  return Object.keys(saved).flatMap((field) => {
    const [before, after] = [JSON.stringify(saved[field]), JSON.stringify(again[field])];
    return before === after ? [] : [`${field}: ${before} before, ${after} now`];
  });
}
