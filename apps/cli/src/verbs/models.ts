/** `megatron models`: lists the model presets, and the options of families with the formats that can say them. */
import Table from "cli-table3";
import type { Command } from "commander";
import { addExamples, addJsonOption } from "../options/common-options.ts";
import type { Terminal } from "../terminal/terminal.ts";

export function addModels(program: Command, terminal: Terminal): void {
  const command = program
    .command("models")
    .description("list the presets for a recipe's model.preset, and the options of families")
    .action((options: { json?: boolean }) => run(options, terminal));
  addExamples(addJsonOption(command), ["megatron models", "megatron models --json"]);
}

async function run({ json }: { json?: boolean }, terminal: Terminal): Promise<void> {
  const { capabilitiesOf, layersOfStacks, modelConfigSchema, optionFormats, presets } = await import(
    "@megatron-ts/model"
  );
  const models = Object.entries(presets).map(([preset, { description, config, parameters }]) => ({
    family: config.family,
    preset,
    description,
    parameters,
    works: capabilitiesOf(config),
    config,
  }));
  const options = optionFormats();
  if (json) return terminal.json({ models, options });

  const right = "right" as const;
  const table = new Table({
    head: ["family", "preset", "parameters", "layers", "hidden", "heads", "vocabulary", "works"],
    colAligns: ["left", "left", right, right, right, right, right, "left"],
    ...plain,
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
  print(table, terminal);

  terminal.print("");
  const fields = new Table({ head: ["family", "option", "Hugging Face formats that have it"], ...plain });
  for (const { family, field, value, formats } of options) {
    fields.push([family, `${field}: ${JSON.stringify(value)}`, formats.join(" ") || "none: export refuses it"]);
  }
  print(fields, terminal);
}

function print(table: InstanceType<typeof Table>, terminal: Terminal): void {
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

const plain = {
  style: { "padding-left": 0, "padding-right": 2, head: [], border: [], compact: true },
  chars: Object.fromEntries(BORDERS.map((name) => [name, ""])),
};
