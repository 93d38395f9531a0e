/** `megatron inspect`: what is in a checkpoint, a Hugging Face directory or a safetensors file. */
import { existsSync, statSync } from "node:fs";
import type { Command } from "commander";
import { addExamples, addJsonOption } from "../common-options.ts";
import { counted } from "../counted.ts";
import { UsageError } from "../errors.ts";
import type { Terminal } from "../terminal.ts";

interface Found {
  kind: "checkpoint" | "hugging-face" | "safetensors";
  /** Family or model_type, where there is a model. */
  family: string | null;
  step: number | null;
  tensors: { name: string; dtype: string; shape: readonly number[] }[];
}

export function addInspect(program: Command, terminal: Terminal): void {
  const command = program
    .command("inspect")
    .description("list the tensors of a checkpoint, a Hugging Face directory or a safetensors file")
    .argument("<path>", "what to look into")
    .action((path: string, options: { json?: boolean }) => run(path, options, terminal));
  addExamples(addJsonOption(command), [
    "megatron inspect runs/a",
    "megatron inspect models/gpt2/model.safetensors --json",
  ]);
}

async function run(path: string, { json }: { json?: boolean }, terminal: Terminal): Promise<void> {
  if (!existsSync(path)) throw new UsageError(`${path}: no such file or directory`);
  const found = await look(path);
  const parameters = found.tensors.reduce(
    (sum, { shape }) => sum + shape.reduce((size, extent) => size * extent, 1),
    0,
  );
  if (json) return terminal.print(JSON.stringify({ path, ...found, parameters }));
  const dtypes = [...new Set(found.tensors.map(({ dtype }) => dtype))].join(", ");
  const model = [found.family, found.step === null ? null : `step ${found.step}`].filter(Boolean).join(", ");
  terminal.print(`${path}: ${found.kind}${model ? ` (${model})` : ""}`);
  terminal.print(`${counted(found.tensors.length, "tensor")}, ${counted(parameters, "value")}, ${dtypes}`);
  const width = Math.max(...found.tensors.map(({ name }) => name.length));
  for (const { name, dtype, shape } of found.tensors) {
    terminal.print(`  ${name.padEnd(width)}  ${dtype.padEnd(4)}  [${shape.join(", ")}]`);
  }
}

async function look(path: string): Promise<Found> {
  const checkpoints = await import("@megatron-ts/checkpoint");
  const described = (reader: {
    names: readonly string[];
    info(name: string): { dtype: string; shape: readonly number[] };
  }) => reader.names.map((name) => ({ name, ...reader.info(name) }));
  if (statSync(path).isFile()) {
    const file = checkpoints.openSafetensors(path);
    const tensors = described(file);
    file.close();
    return { kind: "safetensors", family: null, step: null, tensors };
  }
  if (checkpoints.isHuggingFaceDirectory(path)) {
    const directory = checkpoints.openHuggingFaceDirectory(path);
    const tensors = described(directory.tensors);
    directory.close();
    return { kind: "hugging-face", family: String(directory.config.model_type), step: null, tensors };
  }
  const checkpoint = checkpoints.loadCheckpoint(checkpoints.resolveCheckpoint(path));
  const { manifest } = checkpoint;
  const tensors = described(checkpoint.weights);
  checkpoint.close();
  return { kind: "checkpoint", family: String(manifest.model.family), step: manifest.step, tensors };
}
