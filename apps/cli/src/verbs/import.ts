/** `megatron import`: a model of Hugging Face's or Megatron-LM's format as one of our checkpoints. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Command } from "commander";
import { UsageError } from "../errors.ts";
import { addEngineOptions, addExamples, addJsonOption, type EngineOptions } from "../options/common-options.ts";
import { startEngine } from "../start-engine.ts";
import { counted } from "../terminal/pluralize.ts";
import type { Terminal } from "../terminal/terminal.ts";

interface Options extends EngineOptions {
  tokenizer?: string;
  json?: boolean;
}

export function addImport(program: Command, terminal: Terminal): void {
  const command = program
    .command("import")
    .description("make a checkpoint of a model in Hugging Face's or Megatron-LM's format")
    .argument("<directory>", "config.json and model.safetensors, or iter_*/mp_rank_*")
    .argument("<checkpoint>", "where the checkpoint goes")
    .option("--tokenizer <path>", "its tokenizer (default: what lies in the directory)")
    .action((directory: string, checkpoint: string, options: Options) => run(directory, checkpoint, options, terminal));
  addExamples(addJsonOption(addEngineOptions(command)), [
    "megatron import models/gpt2 checkpoints/gpt2",
    "megatron import megatron-lm/iter_0000100 checkpoints/gpt --tokenizer tok/",
  ]);
}

async function run(directory: string, checkpoint: string, options: Options, terminal: Terminal): Promise<void> {
  const { importHuggingFace, isMegatronCheckpoint } = await import("@megatron-ts/checkpoint");
  if (existsSync(checkpoint)) throw new UsageError(`${checkpoint} is already there: import into a new directory`);
  const tokenizer = await tokenizerOf(directory, options.tokenizer);
  const check = ({ vocabularySize }: { vocabularySize: number }) => {
    if (tokenizer && tokenizer.vocabularySize > vocabularySize) {
      throw new UsageError(
        `the vocabularies disagree: the tokenizer has ${tokenizer.vocabularySize} tokens, the model ${vocabularySize}`,
      );
    }
  };
  const files = { extraFiles: tokenizer?.files, tokenizerFingerprint: tokenizer?.fingerprint, check };
  const { config, parameters } = isMegatronCheckpoint(directory)
    ? await importMegatron(directory, checkpoint, { ...files, options, terminal })
    : await importHuggingFace(directory, checkpoint, files);
  if (!tokenizer)
    terminal.log("no tokenizer.json found: the checkpoint works on token ids until it is given one (--tokenizer)");
  if (options.json)
    return terminal.print(JSON.stringify({ checkpoint, parameters, config, tokenizer: tokenizer !== null }));
  terminal.print(`${checkpoint}: ${config.family}, ${counted(parameters, "parameter")}`);
}

/** Megatron-LM's weights are put together by an engine's tensors. */
async function importMegatron(
  directory: string,
  checkpoint: string,
  {
    options,
    terminal,
    check,
    ...files
  }: {
    options: Options;
    terminal: Terminal;
    check: (config: { vocabularySize: number }) => void;
    extraFiles?: Record<string, Uint8Array>;
    tokenizerFingerprint?: string;
  },
) {
  const { openMegatronCheckpoint, saveCheckpoint, weightEntries } = await import("@megatron-ts/checkpoint");
  const { countModelParameters, createModel } = await import("@megatron-ts/model");
  await startEngine(options, terminal);
  const source = await openMegatronCheckpoint(directory);
  try {
    check(source.config);
    const model = createModel(source.config, { weights: { source: source.source } });
    await saveCheckpoint({
      directory: checkpoint,
      step: source.iteration,
      consumedSamples: 0,
      model: model.config as never,
      groups: { weights: weightEntries(model.parameters) },
      ...files,
    });
    const { config } = model;
    model.dispose();
    return { config, parameters: countModelParameters(config) };
  } finally {
    source.close();
  }
}

/** The tokenizer that was named, or the directory's own with all of its files; null where there is none. */
async function tokenizerOf(directory: string, named: string | undefined) {
  const { tokenizerFiles } = await import("@megatron-ts/checkpoint");
  const own = named === undefined ? tokenizerFiles.filter((file) => existsSync(join(directory, file))) : [];
  const path = named ?? (own.some((file) => /^tokenizer\.json$|\.model$/.test(file)) ? directory : null);
  if (path === null) return null;
  const { loadTokenizer } = await import("@megatron-ts/tokenizer/files");
  const { vocabularySize, fingerprint, json } = await loadTokenizer(path);
  const made = { "tokenizer.json": new Uint8Array(Buffer.from(JSON.stringify(json))) };
  const read = own.map((file) => [file, new Uint8Array(readFileSync(join(directory, file)))] as const);
  return { vocabularySize, fingerprint, files: { ...made, ...Object.fromEntries(read) } };
}
