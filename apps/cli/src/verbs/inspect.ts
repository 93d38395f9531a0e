/** `megatron inspect`: shows the model and tensors of a checkpoint (ours, Hugging Face or Megatron-LM) or a safetensors file. */
import { existsSync } from "node:fs";
import type { Command } from "commander";
import { UsageError } from "../errors.ts";
import { inspectPath, type Sizes } from "../inspection.ts";
import { addExamples, addJsonOption } from "../options/common-options.ts";
import { pluralize } from "../terminal/pluralize.ts";
import type { Terminal } from "../terminal/terminal.ts";

export function addInspect(program: Command, terminal: Terminal): void {
  const command = program
    .command("inspect")
    .description("show the model and tensors of a checkpoint or a safetensors file")
    .argument("<path>", "checkpoint (ours, Hugging Face or Megatron-LM), run directory or .safetensors file")
    .action((path: string, options: { json?: boolean }) => run(path, options, terminal));
  addExamples(addJsonOption(command), [
    "megatron inspect runs/a",
    "megatron inspect models/gpt2/model.safetensors --json",
    "megatron inspect megatron-lm/iter_0000100",
  ]);
}

async function run(path: string, { json }: { json?: boolean }, terminal: Terminal): Promise<void> {
  if (!existsSync(path)) throw new UsageError(`${path}: no such file or directory`);
  const inspection = await inspectPath(path);
  const parameters = inspection.tensors.reduce(
    (sum, { shape }) => sum + shape.reduce((size, extent) => size * extent, 1),
    0,
  );
  if (json) return terminal.json({ path, ...inspection, parameters });
  const dtypes = [...new Set(inspection.tensors.map(({ dtype }) => dtype))].join(", ");
  const { split } = inspection;
  const model = [
    inspection.family,
    inspection.step === null ? null : `step ${inspection.step}`,
    split && `tensor-parallel ${split.tensor}, pipeline-parallel ${split.pipeline}`,
  ];
  const details = model.filter(Boolean).join(", ");
  terminal.print(`${path}: ${inspection.kind}${details ? ` (${details})` : ""}`);
  if (inspection.sizes) terminal.print(describeSizes(inspection.sizes));
  terminal.print(`${pluralize(inspection.tensors.length, "tensor")}, ${pluralize(parameters, "value")}, ${dtypes}`);
  const width = Math.max(...inspection.tensors.map(({ name }) => name.length));
  for (const { name, dtype, shape } of inspection.tensors) {
    terminal.print(`  ${name.padEnd(width)}  ${dtype.padEnd(4)}  [${shape.join(", ")}]`);
  }
}

const describeSizes = ({ numLayers, numDecoderLayers, hiddenSize, numHeads, vocabularySize }: Sizes): string =>
  [
    numLayers && `${numLayers}${numDecoderLayers ? `+${numDecoderLayers}` : ""} layers`,
    hiddenSize && `hidden size ${hiddenSize}`,
    numHeads && pluralize(numHeads, "head"),
    vocabularySize && `vocabulary size ${vocabularySize.toLocaleString("en-US")}`,
  ]
    .filter(Boolean)
    .join(", ");
