/**
 * Files beside a Hugging Face model's weights: its tokenizer, its chat templates, how it generates, and how
 * sentence-transformers embeds with it. Copied unchanged, in both directions. In a checkpoint, which has no folders, "/" in a
 * name is "__".
 */
import { existsSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { userError } from "../errors.ts";
import type { LoadedCheckpoint } from "../load-checkpoint.ts";
import { readRegularFile } from "../regular-file.ts";

const vocabularies = [
  "tokenizer.json",
  "added_tokens.json",
  "vocab.txt",
  "vocab.json",
  "merges.txt",
  "spiece.model",
  "tokenizer.model",
  "sentencepiece.bpe.model",
];
const descriptions = [
  "tokenizer_config.json",
  "special_tokens_map.json",
  "chat_template.jinja",
  "chat_template.json",
  /^additional_chat_templates\/[\w.-]+\.jinja$/,
];
const ofModels = [
  "generation_config.json",
  "modules.json",
  // Of sentence-transformers, with the name of a family in it.
  /^sentence_[a-z-]+_config\.json$/,
  "config_sentence_transformers.json",
  /^\d+_[A-Za-z]+\/config\.json$/,
];

/** Which files: a model's own, a tokenizer's, or what a tokenizer has besides tokenizer.json and other vocabularies. */
export type CompanionKind = "model" | "tokenizer" | "tokenizer descriptions";

const names: Readonly<Record<CompanionKind, readonly (string | RegExp)[]>> = {
  model: ofModels,
  tokenizer: [...vocabularies, ...descriptions],
  "tokenizer descriptions": descriptions,
};

const isOf = (kind: CompanionKind, name: string) =>
  names[kind].some((known) => (typeof known === "string" ? known === name : known.test(name)));

const isCompanion = (name: string) => isOf("model", name) || isOf("tokenizer", name);

const toCheckpoint = (name: string) => name.replace("/", "__");
const fromCheckpoint = (name: string) => name.replace(/^(additional_chat_templates|\d+_[A-Za-z]+)__/, "$1/");

const LARGEST_FILE = 2 ** 30;

/**
 * Reads these files of a directory, under the names that they have in a checkpoint. None if it is not a directory.
 * @throws CheckpointError if modules.json lists a module that is not supported
 */
export function readCompanionFiles(directory: string, kind: CompanionKind): Record<string, Uint8Array> {
  if (!statSync(directory, { throwIfNoEntry: false })?.isDirectory()) return {};
  const entries = readdirSync(directory, { withFileTypes: true });
  const folders = entries.filter(
    (entry) => entry.isDirectory() && /^(additional_chat_templates|\d+_[A-Za-z]+)$/.test(entry.name),
  );
  const found = [
    ...entries.map(({ name }) => fromCheckpoint(name)),
    ...folders.flatMap(({ name }) => readdirSync(join(directory, name)).map((file) => `${name}/${file}`)),
  ].filter((name) => isOf(kind, name));
  const files: Record<string, Uint8Array> = {};
  for (const name of new Set(found)) {
    const path = [join(directory, name), join(directory, toCheckpoint(name))].find(existsSync)!;
    files[toCheckpoint(name)] = new Uint8Array(readRegularFile(path, { maxBytes: LARGEST_FILE }));
    if (name === "modules.json") checkModules(path, files[name]!);
  }
  return files;
}

/** The files of a checkpoint, but tokenizer.json, under their names there. */
export function companionFiles(checkpoint: LoadedCheckpoint): Record<string, Uint8Array> {
  const own = checkpoint.manifest.files.map(({ name }) => name);
  const kept = own.filter((name) => name !== "tokenizer.json" && isCompanion(fromCheckpoint(name)));
  return Object.fromEntries(kept.map((name) => [name, checkpoint.readFile(name)]));
}

/** The files of a checkpoint under the names that they have in a model directory. */
export function exportedFiles(checkpoint: LoadedCheckpoint): [string, Uint8Array][] {
  return checkpoint.manifest.files
    .map(({ name }) => [fromCheckpoint(name), name] as const)
    .filter(([name]) => isCompanion(name))
    .map(([name, own]) => [name, checkpoint.readFile(own)]);
}

/** Modules of sentence-transformers that are the model itself, or have no weights. */
const MODULES = ["Transformer", "Pooling", "Normalize"];

function checkModules(path: string, bytes: Uint8Array): void {
  let modules: unknown;
  try {
    modules = JSON.parse(Buffer.from(bytes).toString("utf8"));
  } catch (error) {
    throw userError(`${path} is not JSON: ${(error as Error).message}`);
  }
  if (!Array.isArray(modules) || modules.includes(null)) throw userError(`${path} is not a list of modules`);
  for (const { type, path: folder = "" } of modules) {
    const name = String(type).split(".").at(-1)!;
    if (!MODULES.includes(name)) {
      throw userError(
        `${path}: the module ${name} is not supported (only ${MODULES.join(", ")}): remove the file to import the model ` +
          "without sentence-transformers' modules",
      );
    }
    if (name === "Transformer" ? folder !== "" : !/^\d+_[A-Za-z]+$/.test(String(folder))) {
      throw userError(
        `${path}: the module ${name} in the folder ${JSON.stringify(folder)} is not supported: expected ` +
          `${name === "Transformer" ? "the model beside this file" : "a folder such as 1_Pooling"}`,
      );
    }
  }
}
