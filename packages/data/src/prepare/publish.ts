/** The end of a run: summarizes what was written in the sidecar, then renames the files into place. */
import { rmSync } from "node:fs";
import { checksumOf } from "../files/checksum.ts";
import { replaceFile } from "../files/replace-file.ts";
import { partialPaths, publishPartial, renameIfPresent } from "../indexed/writer.ts";
import { type DatasetSidecar, readSidecar } from "../sidecar.ts";
import { type DocumentRange, splitDocuments } from "../split.ts";
import { removeJournal } from "./journal.ts";
import { recordsPath, sumByLanguage, sumCounts } from "./records.ts";

/** The sidecar of complete files that still have their temporary names. */
export async function summarize(
  prefix: string,
  known: Omit<DatasetSidecar, "format" | "version" | "counts" | "split" | "languages" | "files"> & {
    documents: number;
    weights: readonly number[];
  },
): Promise<DatasetSidecar> {
  const { documents, weights, jsonKey, tokenizer, skipped, sentences, decontamination, deduplication } = known;
  const ranges = splitDocuments(documents, weights);
  const counted = (range: DocumentRange) => ({ ...range, ...sumCounts(prefix, range) });
  const languages = sumByLanguage(prefix, { start: 0, end: documents });
  const { bin, idx } = partialPaths(prefix);
  return {
    format: "megatron-ts/indexed-dataset",
    version: 1,
    jsonKey,
    tokenizer,
    counts: sumCounts(prefix, { start: 0, end: documents }),
    split: {
      weights: [...weights],
      train: counted(ranges.train),
      validation: counted(ranges.validation),
      test: counted(ranges.test),
    },
    skipped,
    ...(sentences && { sentences }),
    ...(decontamination && { decontamination }),
    ...(deduplication && { deduplication }),
    ...(languages && { languages }),
    files: { bin: await checksumOf(bin), idx: await checksumOf(idx) },
  };
}

/** Writes the sidecar under its temporary name. */
export function writeSidecar(prefix: string, sidecar: DatasetSidecar): void {
  replaceFile(`${prefix}.json.partial`, `${JSON.stringify(sidecar, null, 2)}\n`);
}

/** Renames all files into place and removes the others. Idempotent, so an interrupted call can be repeated. */
export function publish(prefix: string): DatasetSidecar {
  publishPartial(prefix);
  renameIfPresent(`${prefix}.json.partial`, `${prefix}.json`);
  rmSync(recordsPath(prefix), { force: true });
  removeJournal(prefix);
  return readSidecar(prefix)!;
}
