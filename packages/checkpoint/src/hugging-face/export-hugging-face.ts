/** Converts a checkpoint to a Hugging Face model directory, one tensor in memory at a time. */
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { formatForModel, modelConfigSchema } from "@megatron-ts/model";
import { commitDirectory } from "../directory.ts";
import { userError } from "../errors.ts";
import type { LoadedCheckpoint } from "../load-checkpoint.ts";
import { writeSafetensors } from "../safetensors.ts";
import { planShards, shardName } from "../shards.ts";
import { byteLengthOf, type TensorEntry } from "../tensor-entry.ts";
import { exportedFiles } from "./companion-files.ts";
import { foreignEntries, withCopies } from "./foreign-entries.ts";
import { formatConfig } from "./format-config.ts";

/** How to write the model. */
export interface ExportOptions {
  /** Size at which weights are split into several files with an index. Default: 5 GB, as in transformers. */
  maxShardBytes?: number;
  /** Ids such as `eos_token_id`, for config.json and, unless the checkpoint has one, generation_config.json. */
  tokenIds?: Readonly<Record<string, unknown>>;
  /** tokenizer_config.json, unless the checkpoint has one: `tokenizerConfig` of @megatron-ts/tokenizer creates it. */
  tokenizerConfig?: Readonly<Record<string, unknown>>;
}

/**
 * Writes config.json, model.safetensors (or shards) and the tokenizer into a new directory. Returns how the exported
 * model will behave differently, one line each.
 * @throws CheckpointError if the directory already exists or the file system fails
 */
export async function exportHuggingFace(
  checkpoint: LoadedCheckpoint,
  directory: string,
  { maxShardBytes = 5e9, tokenIds = {}, tokenizerConfig }: ExportOptions = {},
): Promise<{ modelType: string; differences: string[] }> {
  if (existsSync(directory)) throw userError(`${directory} already exists; export into a new directory`);
  const config = modelConfigSchema.parse(checkpoint.manifest.model);
  const format = formatForModel(config);
  const entries = withCopies(foreignEntries(checkpoint.weights, format.names(config)), format.shared(config));
  const json = { ...format.toHuggingFace(config), ...tokenIds, dtype: dtypeName(entries) };
  await commitDirectory(directory, (workplace) => {
    writeFileSync(join(workplace, "config.json"), formatConfig(json));
    writeTensors(workplace, entries, maxShardBytes);
    const write = (name: string, fields: object) =>
      writeFileSync(join(workplace, name), `${JSON.stringify(fields, null, 2)}\n`);
    if (Object.keys(tokenIds).length > 0) write("generation_config.json", tokenIds);
    if (tokenizerConfig) write("tokenizer_config.json", tokenizerConfig);
    for (const [name, bytes] of exportedFiles(checkpoint)) {
      mkdirSync(dirname(join(workplace, name)), { recursive: true });
      writeFileSync(join(workplace, name), bytes);
    }
  });
  return { modelType: format.modelType, differences: format.differences(config) };
}

/** The name in config.json of the element type that all tensors have; float32 if they have several. */
function dtypeName(entries: readonly TensorEntry[]): string {
  const [dtype, ...others] = new Set(entries.map((entry) => entry.dtype));
  if (others.length > 0) return "float32";
  return dtype === "BF16" ? "bfloat16" : dtype === "F16" ? "float16" : "float32";
}

function writeTensors(directory: string, entries: readonly TensorEntry[], maxShardBytes: number): void {
  const metadata = { format: "pt" };
  const shards = planShards(entries, maxShardBytes);
  if (shards.length === 1) {
    writeSafetensors(join(directory, "model.safetensors"), entries, { metadata });
    return;
  }
  const map: Record<string, string> = {};
  shards.forEach((shard, index) => {
    const file = shardName("model", { index, count: shards.length });
    writeSafetensors(join(directory, file), shard, { metadata });
    for (const { name } of shard) map[name] = file;
  });
  const total = entries.reduce((sum, entry) => sum + byteLengthOf(entry), 0);
  const index = { metadata: { total_size: total }, weight_map: map };
  writeFileSync(join(directory, "model.safetensors.index.json"), `${JSON.stringify(index, null, 2)}\n`);
}
