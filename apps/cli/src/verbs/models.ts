/** `megatron models`: the sizes that recipes can name, and what works with each. */
import Table from "cli-table3";
import type { Command } from "commander";
import { addExamples, addJsonOption } from "../common-options.ts";
import type { Terminal } from "../terminal.ts";

export function addModels(program: Command, terminal: Terminal): void {
  const command = program
    .command("models")
    .description("list the model sizes that a recipe can name as model.preset")
    .action((options: { json?: boolean }) => run(options, terminal));
  addExamples(addJsonOption(command), ["megatron models", "megatron models --json"]);
}

/** What each family can do so far. */
const abilities: Readonly<Record<string, readonly string[]>> = { gpt: ["pretrain", "evaluate", "generate"] };

async function run({ json }: { json?: boolean }, terminal: Terminal): Promise<void> {
  const { presets } = await import("@megatron-ts/model");
  const models = Object.entries(presets).map(([preset, { description, config, parameters }]) => ({
    preset,
    description,
    parameters,
    works: abilities[config.family] ?? [],
    config,
  }));
  if (json) return terminal.print(JSON.stringify({ models }));

  const plain = { "padding-left": 0, "padding-right": 2, head: [], border: [], compact: true };
  const right = "right" as const;
  const table = new Table({
    head: ["family", "preset", "parameters", "layers", "hidden", "heads", "vocabulary", "works"],
    colAligns: ["left", "left", right, right, right, right, right, "left"],
    style: plain,
    chars: Object.fromEntries(borders.map((name) => [name, ""])),
  });
  for (const { preset, parameters, works, config } of models) {
    const { family, numLayers, hiddenSize, numHeads, vocabularySize } = config;
    const count = (value: number) => value.toLocaleString("en-US");
    table.push([
      family,
      preset,
      count(parameters),
      numLayers,
      hiddenSize,
      numHeads,
      count(vocabularySize),
      works.join(" "),
    ]);
  }
  for (const line of table.toString().split("\n")) terminal.print(line.trimEnd());
}

/** The parts of a table's frame, none of which is drawn: columns alone survive pipes and `grep`. */
const borders = [
  "top",
  "top-mid",
  "top-left",
  "top-right",
  "bottom",
  "bottom-mid",
  "bottom-left",
  "bottom-right",
  "left",
  "left-mid",
  "mid",
  "mid-mid",
  "right",
  "right-mid",
  "middle",
] as const;
