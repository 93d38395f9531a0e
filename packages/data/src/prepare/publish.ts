/** The end of a run: summarizes what was written in the sidecar, then renames the files into place. */
import { rmSync } from "node:fs";
import { checksumOf } from "../files/checksum.ts";
import { replaceFile } from "../files/replace-file.ts";
import { isPending, partialPath } from "../indexed/dataset-paths.ts";
import { partialPaths, publishPartial, renameIfPresent } from "../indexed/writer.ts";
import { type DatasetSidecar, formatSidecar, readSidecar } from "../sidecar.ts";
import { removeJournal } from "./journal.ts";
import { marksPath } from "./marks.ts";
import { recordsPath, sumByLanguage } from "./records.ts";
import { removeSignatures } from "./signature-file.ts";
import type { SplitPlan } from "./split-plan.ts";

/** The sidecar of complete files that still have their temporary names. */
export async function summarize(
  prefix: string,
  known: Omit<DatasetSidecar, "format" | "version" | "counts" | "split" | "languages" | "files"> & {
    documents: number;
    plan: SplitPlan;
  },
): Promise<DatasetSidecar> {
  const { documents, plan, jsonKey, tokenizer, skipped, sentences, decontamination, deduplication } = known;
  const languages = sumByLanguage(prefix, { documents, cutDocuments: plan.cutDocuments });
  const { bin, idx } = partialPaths(prefix);
  return {
    format: "megatron-ts/indexed-dataset",
    version: 2,
    jsonKey,
    tokenizer,
    counts: plan.counts,
    split: plan.split,
    skipped,
    ...(sentences && { sentences }),
    ...(decontamination && { decontamination }),
    ...(deduplication && { deduplication }),
    ...(languages && { languages }),
    files: { bin: await checksumOf(bin), idx: await checksumOf(idx) },
  };
}

/** Writes the sidecar under its temporary name, which makes the dataset complete. */
export function writeSidecar(prefix: string, sidecar: DatasetSidecar): void {
  replaceFile(partialPath(prefix, "json"), formatSidecar(sidecar));
}

/**
 * Ends what another run left, before its temporary files are used again: where files may have been renamed, its dataset is
 * published; else the one before it stays.
 */
export function settle(prefix: string, { renamed }: { renamed: boolean }): void {
  if (!isPending(prefix)) return;
  if (renamed) publish(prefix);
  else rmSync(partialPath(prefix, "json"), { force: true });
}

/** Renames all files into place and removes the others. Idempotent, so an interrupted call can be repeated. */
export function publish(prefix: string): DatasetSidecar {
  publishPartial(prefix);
  renameIfPresent(partialPath(prefix, "json"), `${prefix}.json`);
  for (const path of [recordsPath(prefix), marksPath(prefix)]) rmSync(path, { force: true });
  removeSignatures(prefix);
  removeJournal(prefix);
  return readSidecar(`${prefix}.json`)!;
}
