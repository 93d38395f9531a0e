/** `megatron inspect`: what is in a checkpoint of ours, Hugging Face's or Megatron-LM's, or in a safetensors file. */
import { existsSync } from "node:fs";
import type { Command } from "commander";
import { UsageError } from "../errors.ts";
import { lookInto, type Sizes } from "../inspection.ts";
import { addExamples, addJsonOption } from "../options/common-options.ts";
import { counted } from "../terminal/pluralize.ts";
import type { Terminal } from "../terminal/terminal.ts";

export function addInspect(program: Command, terminal: Terminal): void {
  const command = program
    .command("inspect")
    .description(
      "list family, sizes and tensors of a checkpoint (ours, Hugging Face's, Megatron-LM's) or a safetensors file",
    )
    .argument("<path>", "what to look into")
    .action((path: string, options: { json?: boolean }) => run(path, options, terminal));
  addExamples(addJsonOption(command), [
    "megatron inspect runs/a",
    "megatron inspect models/gpt2/model.safetensors --json",
    "megatron inspect megatron-lm/iter_0000100",
  ]);
}

async function run(path: string, { json }: { json?: boolean }, terminal: Terminal): Promise<void> {
  if (!existsSync(path)) throw new UsageError(`${path}: no such file or directory`);
  const found = await lookInto(path);
  const parameters = found.tensors.reduce(
    (sum, { shape }) => sum + shape.reduce((size, extent) => size * extent, 1),
    0,
  );
  if (json) return terminal.print(JSON.stringify({ path, ...found, parameters }));
  const dtypes = [...new Set(found.tensors.map(({ dtype }) => dtype))].join(", ");
  const { split } = found;
  const model = [
    found.family,
    found.step === null ? null : `step ${found.step}`,
    split && `split over ${split.tensor} tensor and ${split.pipeline} pipeline ranks`,
  ];
  const told = model.filter(Boolean).join(", ");
  terminal.print(`${path}: ${found.kind}${told ? ` (${told})` : ""}`);
  if (found.sizes) terminal.print(describeSizes(found.sizes));
  terminal.print(`${counted(found.tensors.length, "tensor")}, ${counted(parameters, "value")}, ${dtypes}`);
  const width = Math.max(...found.tensors.map(({ name }) => name.length));
  for (const { name, dtype, shape } of found.tensors) {
    terminal.print(`  ${name.padEnd(width)}  ${dtype.padEnd(4)}  [${shape.join(", ")}]`);
  }
}

const describeSizes = ({ numLayers, numDecoderLayers, hiddenSize, numHeads, vocabularySize }: Sizes): string =>
  [
    numLayers && `${numLayers}${numDecoderLayers ? `+${numDecoderLayers}` : ""} layers`,
    hiddenSize && `hidden size ${hiddenSize}`,
    numHeads && counted(numHeads, "head"),
    vocabularySize && `vocabulary of ${vocabularySize.toLocaleString("en-US")}`,
  ]
    .filter(Boolean)
    .join(", ");
