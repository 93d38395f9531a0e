/** `megatron export`: converts a checkpoint to Hugging Face format. */
import { type Command, Option } from "commander";
import { exportedTokenIds } from "../generation/generation-config.ts";
import { addExamples, addJsonOption } from "../options/common-options.ts";
import { type AdapterOptions, addAdapterOption } from "../options/task-options.ts";
import type { Terminal } from "../terminal/terminal.ts";

export function addExport(program: Command, terminal: Terminal): void {
  const command = program
    .command("export")
    .description("convert a checkpoint to Hugging Face format")
    .argument("<checkpoint>", "run directory or checkpoint")
    .argument("<directory>", "output directory; must not exist")
    .addOption(new Option("--to <format>", "output format").choices(["hf"]).default("hf"))
    .option("--merge", "of a run of finetune --lora, write the whole model instead of its adapter in PEFT's format");
  addAdapterOption(command).action((checkpoint: string, directory: string, options: Options) =>
    run(checkpoint, directory, options, terminal),
  );
  addExamples(addJsonOption(command), [
    "megatron export runs/a exported/a",
    "megatron export runs/a exported/a --to hf",
    "megatron export runs/lora adapters/topics",
    "megatron export runs/lora exported/topics --merge",
  ]);
}

interface Options extends AdapterOptions {
  merge?: boolean;
  json?: boolean;
}

async function run(path: string, directory: string, options: Options, terminal: Terminal): Promise<void> {
  const { adapter, merge = false, json } = options;
  const { exportAdapter, exportHuggingFace, isAdapter, openModelCheckpoint } = await import("@megatron-ts/checkpoint");
  const { tokenizerConfig } = await import("@megatron-ts/tokenizer");
  const { bestOfFineTuning } = await import("@megatron-ts/train");
  const source = bestOfFineTuning(path);
  if (isAdapter(source) && !merge && adapter === undefined) {
    await exportAdapter(source, directory);
    if (json) return terminal.json({ directory, adapter: true });
    return terminal.print(`${directory}: an adapter in PEFT's format`);
  }
  const checkpoint = openModelCheckpoint(source, {
    adapter: adapter === undefined ? undefined : bestOfFineTuning(adapter),
  });
  try {
    const { loadCheckpointTokenizer } = await import("@megatron-ts/tasks");
    const tokenizer = await loadCheckpointTokenizer(checkpoint);
    const { modelType, differences } = await exportHuggingFace(checkpoint, directory, {
      tokenIds: await exportedTokenIds(checkpoint, tokenizer),
      ...(tokenizer && { tokenizerConfig: tokenizerConfig(tokenizer) }),
    });
    for (const difference of differences) terminal.log(`note: ${difference}`);
    if (json) return terminal.json({ directory, modelType, differences });
    terminal.print(`${directory}: model_type ${modelType}`);
  } finally {
    checkpoint.close();
  }
}
