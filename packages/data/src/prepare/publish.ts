/** The end of `prepare`: sums up what was written, then gives the files their names. */
import { rmSync } from "node:fs";
import { checksumOf } from "../indexed/checksum.ts";
import { partialPaths, publishPartial, renameIfPresent } from "../indexed/writer.ts";
import { type DatasetSidecar, readSidecar } from "../sidecar.ts";
import { type DocumentRange, splitDocuments } from "../split.ts";
import { removeJournal, replaceFile } from "./journal.ts";
import { recordsPath, sumByLanguage, sumCounts } from "./records.ts";

/** The sidecar of sealed files that still have their temporary names. */
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

export function writeSidecar(prefix: string, sidecar: DatasetSidecar): void {
  replaceFile(`${prefix}.json.partial`, `${JSON.stringify(sidecar, null, 2)}\n`);
}

/** Renames everything into place and clears up. Idempotent: what an interrupted call left over, the next one finishes. */
export function publish(prefix: string): DatasetSidecar {
  publishPartial(prefix);
  renameIfPresent(`${prefix}.json.partial`, `${prefix}.json`);
  rmSync(recordsPath(prefix), { force: true });
  removeJournal(prefix);
  return readSidecar(prefix)!;
}
