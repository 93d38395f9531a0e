/** Copies the adapter of a checkpoint, with the tokenizer it was trained with, into a directory in PEFT's format. */
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { commitDirectory } from "../directory.ts";
import { userError } from "../errors.ts";
import { loadLatestCheckpoint, resolveCheckpoint } from "../latest-checkpoint.ts";
import { ADAPTER_CONFIG } from "./adapter-config.ts";
import { hasAdapter } from "./read-adapter.ts";
import { ADAPTER_MODEL } from "./write-adapter.ts";

/** Whether a path refers to a checkpoint of adapters. */
export const isAdapter = (path: string): boolean => hasAdapter(resolveCheckpoint(path));

/** Writes the adapter. Throws a CheckpointError if the directory exists or the checkpoint is damaged. */
export async function exportAdapter(path: string, directory: string): Promise<void> {
  if (existsSync(directory)) throw userError(`${directory} already exists; export into a new directory`);
  const checkpoint = loadLatestCheckpoint(path);
  try {
    const present = new Set(checkpoint.manifest.files.map(({ name }) => name));
    const files = [ADAPTER_CONFIG, ADAPTER_MODEL, "tokenizer.json", "tokenizer_config.json"];
    await commitDirectory(directory, (workplace) => {
      for (const name of files.filter((file) => present.has(file))) {
        writeFileSync(join(workplace, name), checkpoint.readFile(name));
      }
    });
  } finally {
    checkpoint.close();
  }
}
