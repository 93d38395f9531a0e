/** `megatron models`: lists the model presets. */
import Table from "cli-table3";
import type { Command } from "commander";
import { addExamples, addJsonOption } from "../options/common-options.ts";
import type { Terminal } from "../terminal/terminal.ts";

export function addModels(program: Command, terminal: Terminal): void {
  const command = program
    .command("models")
    .description("list the presets for a recipe's model.preset")
    .action((options: { json?: boolean }) => run(options, terminal));
  addExamples(addJsonOption(command), ["megatron models", "megatron models --json"]);
}

async function run({ json }: { json?: boolean }, terminal: Terminal): Promise<void> {
  const { capabilitiesOf, layersOfStacks, modelConfigSchema, presets } = await import("@megatron-ts/model");
  const models = Object.entries(presets).map(([preset, { description, config, parameters }]) => ({
    family: config.family,
    preset,
    description,
    parameters,
    works: capabilitiesOf(config),
    config,
  }));
  if (json) return terminal.json({ models });

  const plain = { "padding-left": 0, "padding-right": 2, head: [], border: [], compact: true };
  const right = "right" as const;
  const table = new Table({
    head: ["family", "preset", "parameters", "layers", "hidden", "heads", "vocabulary", "works"],
    colAligns: ["left", "left", right, right, right, right, right, "left"],
    style: plain,
    chars: Object.fromEntries(BORDERS.map((name) => [name, ""])),
  });
  for (const { family, preset, parameters, works, config } of models) {
    const { hiddenSize, numHeads, vocabularySize } = config;
    const layers = layersOfStacks(modelConfigSchema.parse(config));
    const count = (value: number) => value.toLocaleString("en-US");
    table.push([
      family,
      preset,
      count(parameters),
      layers.join("+"),
      hiddenSize,
      numHeads,
      count(vocabularySize),
      works.join(" "),
    ]);
  }
  for (const line of table.toString().split("\n")) terminal.print(line.trimEnd());
}

/** Parts of the table's frame, none of which is drawn. */
const BORDERS = [
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
