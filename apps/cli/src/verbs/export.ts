/** `megatron export`: converts a checkpoint to Hugging Face format. */
import { type Command, Option } from "commander";
import { loadCheckpointTokenizer } from "../checkpoint-tokenizer.ts";
import { exportedTokenIds } from "../generation/generation-config.ts";
import { addExamples, addJsonOption } from "../options/common-options.ts";
import type { Terminal } from "../terminal/terminal.ts";

export function addExport(program: Command, terminal: Terminal): void {
  const command = program
    .command("export")
    .description("convert a checkpoint to Hugging Face format")
    .argument("<checkpoint>", "run directory or checkpoint")
    .argument("<directory>", "output directory; must not exist")
    .addOption(new Option("--to <format>", "output format").choices(["hf"]).default("hf"))
    .action((checkpoint: string, directory: string, options: { json?: boolean }) =>
      run(checkpoint, directory, options, terminal),
    );
  addExamples(addJsonOption(command), [
    "megatron export runs/a exported/a",
    "megatron export runs/a exported/a --to hf",
  ]);
}

async function run(path: string, directory: string, { json }: { json?: boolean }, terminal: Terminal): Promise<void> {
  const { exportHuggingFace, loadLatestCheckpoint } = await import("@megatron-ts/checkpoint");
  const { tokenizerConfig } = await import("@megatron-ts/tokenizer");
  const checkpoint = loadLatestCheckpoint(path);
  try {
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
