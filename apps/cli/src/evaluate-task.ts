/** `megatron evaluate --task`: a fine-tuned model's scores on labelled rows, as a table or JSON. */

import packageJson from "../package.json" with { type: "json" };
import { predictFile } from "./labelled-data.ts";
import { lmEvalResults } from "./lm-eval-results.ts";
import type { EngineOptions } from "./options/common-options.ts";
import type { AdapterOptions, TaskOptions } from "./options/task-options.ts";
import { startEngine } from "./start-engine.ts";
import { pluralize } from "./terminal/pluralize.ts";
import type { Terminal } from "./terminal/terminal.ts";

interface Options extends EngineOptions, TaskOptions, AdapterOptions {
  data: string;
  batchSize: number;
  samples?: string;
  json?: boolean;
}

/** Scores the rows of `--data`, and writes those with their predictions to `--samples`. */
export async function evaluateTask(path: string, options: Options, terminal: Terminal): Promise<void> {
  const { replaceFile } = await import("@megatron-ts/data");
  const { scorePredictions } = await import("@megatron-ts/tasks");
  await startEngine(options, terminal);
  const { data, task: name, samples } = options;
  const result = await predictFile({ ...options, path, file: data, labelled: true }, terminal);
  const scores = scorePredictions(result.task, result.examples, result.predictions, { intervals: true });
  if (samples !== undefined) {
    const { lmEvalSamples } = await import("./lm-eval-samples.ts");
    replaceFile(samples, lmEvalSamples(name!, result, { scores }));
  }
  const { directory, step, rows } = result;
  const baselines = Object.fromEntries(
    Object.entries(result.task.baselines?.(rows) ?? {}).map(([baseline, predictions]) => [
      baseline,
      scorePredictions(result.task, result.examples, predictions),
    ]),
  );
  if (options.json) {
    const { version } = packageJson;
    return terminal.json({
      ...lmEvalResults({
        ...{ task: name!, scores, rows: rows.length, checkpoint: directory, data, version },
        batchSize: options.batchSize,
      }),
      ...{ checkpoint: directory, step, task: name, data, examples: rows.length, scores, baselines, samples },
    });
  }
  terminal.print(`${directory} on ${data}, ${name}: ${pluralize(rows.length, "row")}`);
  const width = Math.max(...Object.keys(scores).map((metric) => metric.length));
  for (const [metric, { value, standardError, interval, signature }] of Object.entries(scores)) {
    const error = standardError ?? interval;
    const spread = error === undefined ? "" : ` ± ${error.toFixed(4)}${interval === undefined ? "" : " (95 %)"}`;
    const how = signature === undefined ? "" : `  ${signature}`;
    terminal.print(`  ${metric.padEnd(width)} ${value.toFixed(4).padStart(8)}${spread}${how}`);
  }
  for (const [baseline, own] of Object.entries(baselines)) {
    const values = Object.entries(own).map(([metric, { value }]) => `${metric} ${value.toFixed(4)}`);
    terminal.print(`  beside it, ${baseline}: ${values.join(", ")}`);
  }
}
