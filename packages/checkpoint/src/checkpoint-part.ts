/**
 * What one rank writes of a checkpoint: files of its own, beside those of the other ranks, with boxes of tensors or whole ones. Knows bytes,
 * not tensors or models.
 */
import { existsSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { type WriteBytes, writeFileOnce } from "./file-writer.ts";
import { manifestFile } from "./manifest.ts";
import { fileNameSchema, type ManifestFile, type ManifestTensor } from "./manifest-schema.ts";
import { writeSafetensors } from "./safetensors.ts";
import { planShards, shardName } from "./shards.ts";
import { elementCount, type TensorEntry } from "./tensor-entry.ts";

/** The tensors of a checkpoint, or those that one rank writes; the optimizer's are optional. */
export interface TensorGroups {
  weights: Iterable<TensorEntry>;
  optimizer?: Iterable<TensorEntry>;
}

/** One of the groups. */
export type GroupName = keyof TensorGroups;
const groupNames: readonly GroupName[] = ["weights", "optimizer"];

/** What a rank has written. */
export interface CheckpointPart {
  host: string;
  files: ManifestFile[];
  /** Every tensor that the rank has, with those of its slices that the rank wrote. */
  groups: Partial<Record<GroupName, ManifestTensor[]>>;
}

/** The files of a rank, by group: the tensors of each, and all that it has. */
export type PlannedFiles = Partial<Record<GroupName, { entries: TensorEntry[]; shards: TensorEntry[][] }>>;

/** Distributes the tensors of a rank over files of at most `maxShardBytes`. No file has two boxes of one tensor. */
export function planFiles(groups: TensorGroups, maxShardBytes: number): PlannedFiles {
  return Object.fromEntries(
    groupNames.flatMap((name) => {
      if (!groups[name]) return [];
      const entries = [...groups[name]];
      const written = entries.filter(({ box, shape }) => !box || elementCount(shape) > 0);
      const shards = inRounds(written).flatMap((round) => planShards(round, maxShardBytes));
      return [[name, { entries, shards }]];
    }),
  );
}

/** The first boxes of all tensors, their second ones, and so on. */
function inRounds(entries: readonly TensorEntry[]): TensorEntry[][] {
  const seen = new Map<string, number>();
  const rounds: TensorEntry[][] = [];
  for (const entry of entries) {
    const round = entry.box ? (seen.get(entry.name) ?? 0) : 0;
    seen.set(entry.name, round + 1);
    if (round === rounds.length) rounds.push([]);
    rounds[round]!.push(entry);
  }
  return rounds;
}

/** The numbers of a rank's files among those of all ranks: the index of the first, and how many all ranks write. */
export type FileNumbers = Partial<Record<GroupName, { first: number; count: number }>>;

/**
 * Writes the files of one rank into the directory of a checkpoint that is being written.
 * @throws CheckpointError if the file system fails
 */
export function writePart(
  directory: string,
  {
    planned,
    numbers,
    extraFiles,
    write,
  }: {
    planned: PlannedFiles;
    numbers: FileNumbers;
    extraFiles: Readonly<Record<string, Uint8Array>>;
    write?: WriteBytes;
  },
): CheckpointPart {
  const part: CheckpointPart = { host: hostname(), files: [], groups: {} };
  for (const group of groupNames) {
    const { entries, shards } = planned[group] ?? {};
    if (!entries || !shards) continue;
    const { first, count } = numbers[group]!;
    const tensors = new Map(entries.map((entry) => [entry.name, describe(entry)]));
    for (const [index, shard] of shards.entries()) {
      const file = shardName(group, { index: first + index, count });
      part.files.push({ name: file, ...writeSafetensors(join(directory, file), shard, { write }) });
      for (const { name, shape, box } of shard) {
        const origin = box?.origin ?? shape.map(() => 0);
        tensors.get(name)!.slices.push({ file, origin: [...origin], shape: [...shape] });
      }
    }
    part.groups[group] = [...tensors.values()];
  }
  for (const [name, bytes] of Object.entries(extraFiles)) {
    if (!fileNameSchema.safeParse(name).success || name === manifestFile || existsSync(join(directory, name))) {
      throw new Error(`a checkpoint cannot contain an extra file named "${name}"`);
    }
    part.files.push({ name, ...writeFileOnce(join(directory, name), (emit) => emit(bytes), { write }) });
  }
  return part;
}

const describe = ({ name, dtype, shape, box }: TensorEntry): ManifestTensor => ({
  ...{ name, dtype, shape: [...(box?.of ?? shape)], slices: [] },
});

/** The tensors of a group, with the slices that all ranks wrote; undefined where no rank has the group. */
export function mergeTensors(parts: readonly CheckpointPart[], group: GroupName): ManifestTensor[] | undefined {
  const merged = new Map<string, ManifestTensor>();
  for (const tensor of parts.flatMap((part) => part.groups[group] ?? [])) {
    const known = merged.get(tensor.name);
    if (known) known.slices.push(...tensor.slices);
    else merged.set(tensor.name, { ...tensor, slices: [...tensor.slices] });
  }
  return parts.some((part) => part.groups[group]) ? [...merged.values()] : undefined;
}
