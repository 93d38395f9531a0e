/** `megatron import`: converts a Hugging Face or Megatron-LM model to a checkpoint. */
import { existsSync } from "node:fs";
import { isDeepStrictEqual } from "node:util";
import type { LengthenOptions } from "@megatron-ts/model";
import type { Command } from "commander";
import { UsageError } from "../errors.ts";
import { findGenerationConfig, GENERATION_CONFIG } from "../generation/generation-config.ts";
import { addEngineOptions, addExamples, addJsonOption, type EngineOptions } from "../options/common-options.ts";
import { integer } from "../options/option-values.ts";
import { startEngine } from "../start-engine.ts";
import { pluralize } from "../terminal/pluralize.ts";
import type { Terminal } from "../terminal/terminal.ts";

interface Options extends EngineOptions {
  tokenizer?: string;
  json?: boolean;
  maxPositions?: number;
  positions?: string;
}

export function addImport(program: Command, terminal: Terminal): void {
  const command = program
    .command("import")
    .description("convert a Hugging Face or Megatron-LM model to a checkpoint")
    .argument("<directory>", "Hugging Face directory (config.json) or Megatron-LM checkpoint (iter_*)")
    .argument("<checkpoint>", "output directory; must not exist")
    .option("--tokenizer <path>", "tokenizer directory or file (default: the model's own)")
    .option("--max-positions <tokens>", "take texts of up to this many tokens", integer(1))
    .option(
      "--positions <method>",
      "how positions reach them: learned ones by tile or interpolate, rotary ones by dynamic, linear, yarn or others " +
        "(default: tile, dynamic)",
    )
    .action((directory: string, checkpoint: string, options: Options) => run(directory, checkpoint, options, terminal));
  addExamples(addJsonOption(addEngineOptions(command)), [
    "megatron import models/gpt2 checkpoints/gpt2",
    "megatron import models/bert checkpoints/long-bert --max-positions 4096",
    "megatron import megatron-lm/iter_0000100 checkpoints/gpt --tokenizer tok/",
  ]);
}

async function run(directory: string, checkpoint: string, options: Options, terminal: Terminal): Promise<void> {
  const { config, parameters, tokenizer } = await importModel({ directory, checkpoint, ...options }, terminal);
  if (!tokenizer) terminal.log("warning: no tokenizer found; import again with --tokenizer to generate or evaluate");
  if (options.json) return terminal.json({ checkpoint, parameters, config, tokenizer });
  terminal.print(`${checkpoint}: ${config.family}, ${pluralize(parameters, "parameter")}`);
}

/** Writes the checkpoint, with the tokenizer if there is one. Throws a UsageError for one that does not fit. */
export async function importModel(
  { directory, checkpoint, ...options }: { directory: string; checkpoint: string } & Options,
  terminal: Terminal,
) {
  const { importHuggingFace, isMegatronCheckpoint, readCompanionFiles } = await import("@megatron-ts/checkpoint");
  if (existsSync(checkpoint)) throw new UsageError(`${checkpoint}: already exists: choose another directory`);
  const tokenizer = await loadTokenizerFiles(directory, options.tokenizer);
  const generationConfig = isMegatronCheckpoint(directory) ? undefined : await findGenerationConfig(directory);
  const check = ({ vocabularySize }: { vocabularySize: number }) => {
    generationConfig?.check(vocabularySize);
    if (tokenizer && tokenizer.vocabularySize > vocabularySize) {
      throw new UsageError(
        `vocabulary mismatch: the tokenizer has ${tokenizer.vocabularySize} tokens, but the model ${vocabularySize}`,
      );
    }
  };
  const extraFiles = {
    ...readCompanionFiles(directory, "model"),
    ...tokenizer?.files,
    ...(generationConfig && { [GENERATION_CONFIG]: generationConfig.bytes }),
  };
  const { maxPositions, positions: method } = options;
  if (method !== undefined && maxPositions === undefined) throw new UsageError("--positions needs --max-positions");
  const lengthen = maxPositions === undefined ? undefined : { maxPositions, method };
  const files = { extraFiles, tokenizerFingerprint: tokenizer?.fingerprint, check, lengthen };
  const { config, parameters } = isMegatronCheckpoint(directory)
    ? await importMegatron(directory, checkpoint, { ...files, options, terminal })
    : await importHuggingFace(directory, checkpoint, files);
  return { config, parameters, tokenizer: tokenizer !== null };
}

/** Merging Megatron-LM's shards needs tensors, hence an engine. */
async function importMegatron(
  directory: string,
  checkpoint: string,
  {
    options,
    terminal,
    check,
    lengthen: longer,
    ...files
  }: {
    options: Options;
    terminal: Terminal;
    check: (config: { vocabularySize: number }) => void;
    extraFiles?: Record<string, Uint8Array>;
    tokenizerFingerprint?: string;
    lengthen?: LengthenOptions | undefined;
  },
) {
  const { lengthenedSource, openMegatronCheckpoint, saveCheckpoint, weightEntries } = await import(
    "@megatron-ts/checkpoint"
  );
  const { countModelParameters, createModel, lengthen } = await import("@megatron-ts/model");
  await startEngine(options, terminal);
  const source = await openMegatronCheckpoint(directory);
  try {
    check(source.config);
    const { config: written, table } = longer
      ? lengthen(source.config, longer)
      : { config: source.config, table: null };
    const model = createModel(written, {
      weights: { source: table ? lengthenedSource(source.source, table) : source.source },
    });
    await saveCheckpoint({
      directory: checkpoint,
      step: source.iteration,
      consumedSamples: 0,
      model: { ...model.config },
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

const TOKENIZER = "tokenizer.json";

/**
 * The given tokenizer, or the model's own, with all of its files; null if there is none. Its tokenizer.json stays as it is,
 * unless other files change it.
 */
async function loadTokenizerFiles(directory: string, given: string | undefined) {
  const { readCompanionFiles } = await import("@megatron-ts/checkpoint");
  const own = readCompanionFiles(given ?? directory, "tokenizer");
  if (given === undefined && !Object.keys(own).some((file) => /^tokenizer\.json$|\.model$/.test(file))) return null;
  const { loadTokenizer } = await import("@megatron-ts/tokenizer/files");
  const { vocabularySize, fingerprint, json } = await loadTokenizer(given ?? directory);
  const file = own[TOKENIZER];
  const isSame = file !== undefined && isDeepStrictEqual(JSON.parse(Buffer.from(file).toString("utf8")), json);
  const used = isSame ? file : new Uint8Array(Buffer.from(JSON.stringify(json)));
  return { vocabularySize, fingerprint, files: { ...own, [TOKENIZER]: used } };
}
