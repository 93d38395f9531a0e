/** Converts a checkpoint to a Hugging Face model directory, one tensor in memory at a time. */
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type ForeignWeight, formatForModel, modelConfigSchema } from "@megatron-ts/model";
import { commitDirectory } from "../directory.ts";
import { userError } from "../errors.ts";
import type { LoadedCheckpoint } from "../load-checkpoint.ts";
import { writeSafetensors } from "../safetensors.ts";
import { planShards, shardName } from "../shards.ts";
import { elementCount, type TensorEntry } from "../tensor-entry.ts";
import { formatConfig } from "./format-config.ts";
import { tokenizerFiles } from "./tokenizer-files.ts";

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
  const entries = foreignEntries(checkpoint, format.names(config));
  const json = { ...format.toHuggingFace(config), ...tokenIds };
  await commitDirectory(directory, (workplace) => {
    writeFileSync(join(workplace, "config.json"), formatConfig(json));
    writeTensors(workplace, entries, maxShardBytes);
    const write = (name: string, fields: object) =>
      writeFileSync(join(workplace, name), `${JSON.stringify(fields, null, 2)}\n`);
    if (Object.keys(tokenIds).length > 0) write("generation_config.json", tokenIds);
    if (tokenizerConfig) write("tokenizer_config.json", tokenizerConfig);
    for (const file of tokenizerFiles) {
      if (!checkpoint.manifest.files.some(({ name }) => name === file)) continue;
      writeFileSync(join(workplace, file), checkpoint.readFile(file));
    }
  });
  return { modelType: format.modelType, differences: format.differences(config) };
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
  const total = entries.reduce((sum, { shape }) => sum + 4 * elementCount(shape), 0);
  const index = { metadata: { total_size: total }, weight_map: map };
  writeFileSync(join(directory, "model.safetensors.index.json"), `${JSON.stringify(index, null, 2)}\n`);
}

/** One of our weights, and where it lies in a foreign tensor. */
interface Piece {
  ours: string;
  weight: ForeignWeight;
  shape: readonly number[];
}

/** A tensor that is made of ours, one below the other. */
function fusedRows(
  checkpoint: LoadedCheckpoint,
  { name, pieces }: { name: string; pieces: readonly Piece[] },
): TensorEntry {
  const [{ weight, shape }] = pieces as [Piece];
  const width = elementCount(shape.slice(1));
  const rows = weight.rows!.of;
  return {
    name,
    dtype: "F32",
    shape: [rows, ...shape.slice(1)],
    bytes: () => {
      const values = new Float32Array(rows * width);
      for (const { ours, weight } of pieces) {
        const bytes = checkpoint.weights.read(ours);
        values.set(new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4), weight.rows!.first * width);
      }
      return new Uint8Array(values.buffer);
    },
  };
}

/** Describes the tensors to write, each assembled from the weights of ours that it contains. */
function foreignEntries(checkpoint: LoadedCheckpoint, names: ReadonlyMap<string, ForeignWeight>): TensorEntry[] {
  const parts = new Map<string, Piece[]>();
  for (const [ours, weight] of names) {
    const { shape } = checkpoint.weights.info(ours);
    parts.set(weight.name, [...(parts.get(weight.name) ?? []), { ours, weight, shape }]);
  }
  return [...parts].map(([name, pieces]) => {
    const [{ weight, shape }] = pieces as [(typeof pieces)[number]];
    if (weight.rows) return fusedRows(checkpoint, { name, pieces });
    const turned = weight.transposed ? shape.toReversed() : [...shape];
    const columns = turned.at(-1) ?? 1;
    const rows = elementCount(turned) / columns;
    const count = weight.part?.count ?? 1;
    const whole = [...turned.slice(0, -1), columns * count];
    return {
      name,
      dtype: "F32",
      shape: weight.shape ?? (turned.length === 0 ? [] : whole),
      bytes: () => {
        const values = new Float32Array(rows * columns * count);
        for (const piece of pieces) {
          const bytes = checkpoint.weights.read(piece.ours);
          const own = new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);
          const first = (piece.weight.part?.index ?? 0) * columns;
          for (let row = 0; row < rows; row++) {
            for (let column = 0; column < columns; column++) {
              const from = weight.transposed ? column * rows + row : row * columns + column;
              values[row * columns * count + first + column] = own[from]!;
            }
          }
        }
        return new Uint8Array(values.buffer);
      },
    };
  });
}
