/**
 * A checkpoint that is being written: a directory under a temporary name, which all ranks fill with files of their own. Once all have
 * written, the first rank adds the manifest and gives the directory its name. Ranks on several hosts need a file system that all share.
 */
import { existsSync, statSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { agree, outcomeOf, type SavingRanks } from "./agreement.ts";
import {
  type CheckpointPart,
  type FileNumbers,
  type GroupName,
  mergeTensors,
  type PlannedFiles,
} from "./checkpoint-part.ts";
import { commitWorkplace, openWorkplace, saveError } from "./directory.ts";
import { userError } from "./errors.ts";
import { type WriteBytes, writeFileOnce } from "./file-writer.ts";
import { encodeManifest, manifestFile } from "./manifest.ts";
import { formatVersion, type ManifestInput } from "./manifest-schema.ts";

/** As plain data, so that another thread can write it. */
export interface Draft {
  target: string;
  /** The directory with the temporary name. */
  workplace: string;
  /** The numbers of this rank's files. */
  numbers: FileNumbers;
}

/**
 * Starts a checkpoint: the first rank makes its directory. All ranks call it.
 * @throws CheckpointError if something else is there, or a rank does not see the directory
 */
export function openDraft(target: string, { planned, ranks }: { planned: PlannedFiles; ranks: SavingRanks }): Draft {
  const counts = Object.fromEntries(Object.entries(planned).map(([group, { shards }]) => [group, shards.length]));
  const opened = outcomeOf(() => ({ counts, workplace: ranks.rank === 0 ? openPlace(target) : "" }));
  const all = agree(opened, ranks);
  const { workplace } = all[0]!;
  const numbers = Object.fromEntries(
    Object.keys(planned).map((group) => {
      const ofRanks = all.map((each) => each.counts[group] ?? 0);
      const sum = (some: readonly number[]) => some.reduce((total, each) => total + each, 0);
      return [group, { first: sum(ofRanks.slice(0, ranks.rank)), count: sum(ofRanks) }];
    }),
  );
  return { target, workplace, numbers };
}

function openPlace(target: string): string {
  if (existsSync(target) && !existsSync(join(target, manifestFile))) {
    throw userError(`${target} exists and is not a checkpoint; choose another directory`);
  }
  return openWorkplace(target, { replace: true });
}

const SHARED = "run.directory must be on a file system that all hosts share";

/** Throws a CheckpointError on a rank that does not see what the first rank made. */
export function checkShared({ workplace }: Draft): void {
  if (!existsSync(workplace)) throw userError(`${workplace}, which rank 0 made, is not there: ${SHARED}`);
}

/** What a checkpoint says besides its tensors. */
export type CheckpointFacts = Omit<ManifestInput, "formatVersion" | "groups" | "files">;

/**
 * Completes a checkpoint; the first rank does.
 * @throws CheckpointError for a file that is not there, and if the file system fails
 */
export function commitDraft(
  { workplace, target }: Draft,
  { parts, facts, write }: { parts: readonly CheckpointPart[]; facts: CheckpointFacts; write?: WriteBytes },
): void {
  parts.forEach((part, rank) => {
    checkPresent(part, { workplace, rank });
  });
  const tensorsOf = (group: GroupName) => mergeTensors(parts, group);
  const optimizer = tensorsOf("optimizer");
  const files = parts.flatMap((part) => part.files);
  const bytes = encodeManifest({
    formatVersion,
    ...facts,
    groups: { weights: { tensors: tensorsOf("weights")! }, ...(optimizer && { optimizer: { tensors: optimizer } }) },
    files,
  });
  try {
    writeFileOnce(join(workplace, manifestFile), (emit) => emit(bytes), { write });
  } catch (error) {
    throw saveError(error, target);
  }
  commitWorkplace(workplace, target, { replace: true });
}

function checkPresent({ files, host }: CheckpointPart, { workplace, rank }: { workplace: string; rank: number }): void {
  for (const { name, size } of files) {
    const found = statSync(join(workplace, name), { throwIfNoEntry: false });
    if (found?.size === size) continue;
    const what = found ? `has ${found.size} of ${size} bytes` : "is not there";
    throw userError(
      `${join(workplace, name)}, which rank ${rank} on ${host} wrote, ${what} on ${hostname()}: ${SHARED}; earlier checkpoints are untouched`,
    );
  }
}
