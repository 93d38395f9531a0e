/** Opens a model directory in Hugging Face's layout: config.json, and safetensors in one file or in shards. */
import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import type { HuggingFaceConfig } from "@megatron-ts/model";
import { shown, userError } from "../errors.ts";
import type { TensorSource } from "../foreign-weights.ts";
import { readRegularFile } from "../regular-file.ts";
import { openSafetensors, type SafetensorsFile } from "../safetensors.ts";

/** An open model directory. */
export interface HuggingFaceDirectory {
  config: HuggingFaceConfig;
  tensors: TensorSource & { readonly names: readonly string[] };
  close(): void;
}

const SINGLE = "model.safetensors";
const INDEX = "model.safetensors.index.json";
const PICKLED = ["pytorch_model.bin", "pytorch_model.bin.index.json"];

/** Whether a directory looks like a Hugging Face model. */
export function isHuggingFaceDirectory(directory: string): boolean {
  return (
    existsSync(join(directory, "config.json")) &&
    [SINGLE, INDEX, ...PICKLED].some((name) => existsSync(join(directory, name)))
  );
}

/**
 * Opens a model directory. The caller closes it.
 * @throws CheckpointError for files that are missing, damaged or pickled
 */
export function openHuggingFaceDirectory(directory: string): HuggingFaceDirectory {
  if (!existsSync(directory) || !statSync(directory).isDirectory()) throw userError(`${directory} is not a directory`);
  const config = readJson(join(directory, "config.json"));
  if (!isRecord(config)) throw userError(`${join(directory, "config.json")} is not a JSON object`);
  const files = openFiles(directory);
  const fileOf = new Map(files.flatMap((file) => file.names.map((name) => [name, file] as const)));
  function find(name: string) {
    const file = fileOf.get(name);
    if (!file) throw userError(`${directory} contains no tensor ${name}`);
    return file;
  }
  return {
    config,
    tensors: {
      names: [...fileOf.keys()],
      info: (name) => find(name).info(name),
      read: (name) => find(name).read(name),
    },
    close() {
      for (const file of files) file.close();
    },
  };
}

function openFiles(directory: string): SafetensorsFile[] {
  if (existsSync(join(directory, SINGLE))) return [openSafetensors(join(directory, SINGLE))];
  const index = join(directory, INDEX);
  if (existsSync(index)) {
    const names = shardNames(readJson(index), index);
    const files: SafetensorsFile[] = [];
    try {
      for (const name of names) files.push(openSafetensors(join(directory, name)));
      return files;
    } catch (error) {
      for (const file of files) file.close();
      throw error;
    }
  }
  const pickled = PICKLED.find((name) => existsSync(join(directory, name)));
  if (pickled) {
    throw userError(
      `${directory} contains ${pickled}, a pickle, which could run code. Save it as safetensors first ` +
        "(in Python: AutoModel.from_pretrained(directory).save_pretrained(directory))",
    );
  }
  throw userError(`${directory} contains neither ${SINGLE} nor ${INDEX}`);
}

/** Not a path, and not hidden. */
const FILE_NAME = /^(?!\.)[^/\\\p{Cc}]{1,255}$/u;

/** Files of the weight_map, which must be in the same directory. */
function shardNames(index: unknown, path: string): Set<string> {
  const map = isRecord(index) ? index.weight_map : undefined;
  if (!isRecord(map)) throw userError(`${path} has no weight_map`);
  const names = new Set<string>();
  for (const [tensor, name] of Object.entries(map)) {
    if (typeof name !== "string" || !FILE_NAME.test(name)) {
      throw userError(`${path}: ${shown(tensor)} is in ${shown(name)}, which is not a file of this directory`);
    }
    names.add(name);
  }
  return names;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

const LARGEST_JSON = 2 ** 28;

function readJson(path: string): unknown {
  const text = readRegularFile(path, { maxBytes: LARGEST_JSON }).toString("utf8");
  try {
    return JSON.parse(text);
  } catch (error) {
    throw userError(`${path} is not JSON: ${(error as Error).message.replace(/\s*[\r\n]+\s*/g, " ")}`);
  }
}
