/** Distributes tensors over files of limited size. */
import { byteLengthOf, type TensorDescription } from "./tensor-entry.ts";

/** Splits tensors, in order, into shards of at most `maxBytes`. A larger tensor gets a shard of its own. */
export function planShards<T extends TensorDescription>(tensors: readonly T[], maxBytes: number): T[][] {
  const shards: T[][] = [];
  let filled = Number.POSITIVE_INFINITY;
  for (const tensor of tensors) {
    const bytes = byteLengthOf(tensor);
    if (filled + bytes > maxBytes) {
      shards.push([]);
      filled = 0;
    }
    shards.at(-1)!.push(tensor);
    filled += bytes;
  }
  return shards;
}

/** File name of a shard: `weights-00001-of-00003.safetensors`. `index` starts at 0. */
export function shardName(group: string, shard: { index: number; count: number }): string {
  const digits = (value: number): string => String(value).padStart(5, "0");
  return `${group}-${digits(shard.index + 1)}-of-${digits(shard.count)}.safetensors`;
}
