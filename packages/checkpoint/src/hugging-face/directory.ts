/** Opens a model directory in Hugging Face's layout: config.json, and safetensors in one file or in shards. */
import { existsSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import type { HuggingFaceConfig } from "@megatron-ts/model";
import { userError, wrapFileSystemError } from "../errors.ts";
import type { TensorSource } from "../foreign-weights.ts";
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
  const config = readJson(join(directory, "config.json")) as HuggingFaceConfig;
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
    const { weight_map: map } = readJson(index) as { weight_map?: Record<string, string> };
    if (!map) throw userError(`${index} has no weight_map`);
    const files: SafetensorsFile[] = [];
    try {
      for (const name of new Set(Object.values(map))) files.push(openSafetensors(join(directory, name)));
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

function readJson(path: string): unknown {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    throw wrapFileSystemError(error, { action: `cannot read ${path}` });
  }
  try {
    return JSON.parse(text);
  } catch (error) {
    throw userError(`${path} is not JSON: ${(error as Error).message}`);
  }
}
