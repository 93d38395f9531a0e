/** `megatron compare`: small twins of several models, pretrained alike and fine-tuned for the same tasks, in one table. */
import Table from "cli-table3";
import type { Command } from "commander";
import { ResultError } from "../errors.ts";
import { addEngineOptions, addExamples, addJsonOption, type EngineOptions } from "../options/common-options.ts";
import type { RecipeOverride } from "../options/recipe-options.ts";
import { startEngine } from "../start-engine.ts";
import type { Terminal } from "../terminal/terminal.ts";

interface Options extends EngineOptions {
  quick?: boolean;
  verify?: string | true;
  json?: boolean;
}

export function addCompare(program: Command, terminal: Terminal, overrides: readonly RecipeOverride[]): void {
  const command = program
    .command("compare")
    .description("pretrain models on the same tokens, fine-tune each for every task, and print one table")
    .usage("<recipe> [options] [--<section>.<field> <value> ...]")
    .argument("<recipe>", "recipe file (YAML), such as recipes/compare.yaml")
    .option("--quick", "the recipe's quick form: fewer models, tasks and tokens, in minutes")
    .option(
      "--verify [cell]",
      "compute a finished cell, such as bert/translation, again and compare all bits (default: the quickest)",
    );
  addEngineOptions(command).action((recipe: string, options: Options) => run(recipe, options, { overrides, terminal }));
  addExamples(addJsonOption(command), [
    "megatron compare recipes/compare.yaml --quick",
    "megatron compare recipes/compare.yaml --quick --verify",
    "megatron compare recipes/compare.yaml --run.directory runs/mine --pretraining.tokens 20000000",
  ]);
}

async function run(
  recipe: string,
  options: Options,
  { overrides, terminal }: { overrides: readonly RecipeOverride[]; terminal: Terminal },
): Promise<void> {
  const { loadCompareRecipe } = await import("../compare/configuration.ts");
  const { quickForm } = await import("../compare/quick.ts");
  const { compare, verifyCell } = await import("../compare/comparison.ts");
  const { writeReport } = await import("../compare/report.ts");
  const { comparisonTable, publishedTable } = await import("../compare/table.ts");
  const loaded = loadCompareRecipe(recipe, overrides);
  const configuration = options.quick ? quickForm(loaded) : loaded;
  const { backend, threads } = configuration.engine;
  await startEngine({ backend: backend ?? options.backend, threads: threads ?? options.threads }, terminal);
  if (options.verify !== undefined) {
    const cell = options.verify === true ? null : options.verify;
    const found = await verifyCell(configuration, { cell, terminal });
    if (found.differences.length > 0) throw new ResultError(`${found.cell} differs: ${found.differences.join("; ")}`);
    if (options.json) return terminal.json(found);
    return terminal.print(`${found.cell}: equal to the bit; its weights are ${found.weights}`);
  }
  const save = (soFar: Parameters<typeof writeReport>[0]) => writeReport(soFar, configuration);
  const comparison = await compare(configuration, { terminal, onCell: save });
  const files = save(comparison);
  if (options.json) return terminal.json({ ...comparison, files });
  for (const { head, rows } of [comparisonTable(comparison, configuration), publishedTable(configuration)]) {
    if (rows.length === 0) continue;
    // A model's figures read down: the table is as wide as its models, not as its columns.
    const table = new Table({ wordWrap: true, colWidths: [24, ...rows.map(() => 24)] });
    for (const [index, title] of head.entries()) table.push([title, ...rows.map((row) => row[index]!)]);
    terminal.print(table.toString());
  }
  terminal.print(`saved as ${files.markdown}, ${files.json} and ${files.html}`);
}
