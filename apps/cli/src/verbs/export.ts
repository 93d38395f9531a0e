/** `megatron export`: a checkpoint as a directory of Hugging Face's format. */
import { type Command, Option } from "commander";
import { addExamples, addJsonOption } from "../options/common-options.ts";
import type { Terminal } from "../terminal/terminal.ts";

export function addExport(program: Command, terminal: Terminal): void {
  const command = program
    .command("export")
    .description("write a checkpoint in Hugging Face's format: config.json, model.safetensors, tokenizer files")
    .argument("<checkpoint>", "a checkpoint, or a run directory for its newest one")
    .argument("<directory>", "where it goes; must not be there yet")
    .addOption(new Option("--to <format>", "the format").choices(["hf"]).default("hf"))
    .action((checkpoint: string, directory: string, options: { json?: boolean }) =>
      run(checkpoint, directory, options, terminal),
    );
  addExamples(addJsonOption(command), [
    "megatron export runs/a exported/a",
    "megatron export runs/a exported/a --to hf",
  ]);
}

async function run(path: string, directory: string, { json }: { json?: boolean }, terminal: Terminal): Promise<void> {
  const { exportHuggingFace, loadCheckpoint, resolveCheckpoint } = await import("@megatron-ts/checkpoint");
  const checkpoint = loadCheckpoint(resolveCheckpoint(path));
  try {
    const { modelType, differences } = await exportHuggingFace(checkpoint, directory);
    for (const difference of differences) terminal.log(`note: ${difference}`);
    if (json) return terminal.print(JSON.stringify({ directory, modelType, differences }));
    terminal.print(`${directory}: model_type ${modelType}`);
  } finally {
    checkpoint.close();
  }
}
