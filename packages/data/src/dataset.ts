/**
 * Opens a dataset by its prefix: finds its files, checks them against the sidecar's checksums, and knows which documents are
 * for training, validation and test.
 */
import { existsSync, readdirSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { DataError } from "./errors.ts";
import { checksumOf } from "./files/checksum.ts";
import { type DatasetPaths, datasetPaths } from "./indexed/dataset-paths.ts";
import { type IndexedDataset, openIndexedDataset } from "./indexed/reader.ts";
import { type DatasetSidecar, readSidecar } from "./sidecar.ts";
import { checkFigures } from "./sidecar-figures.ts";
import { type DocumentRange, type SplitName, splitDocuments } from "./split.ts";

/** An open dataset and its sidecar. */
export interface Dataset extends IndexedDataset {
  /** Undefined for files of other programs. */
  readonly sidecar: DatasetSidecar | undefined;
  /** The documents of a split, or "all". Throws a DataError where there are none. */
  documentsOf(split: SplitName | "all"): DocumentRange;
}

/**
 * Opens a dataset that `prepareDataset` or Megatron wrote.
 * @param prefix the output given to `prepareDataset` ("data/corpus"), or the full path of the files without extensions
 *   ("data/corpus_text_document")
 * @param options.verify compares the files' SHA-256 with the sidecar's, which reads both files once. Default true
 * @param options.splitWeights splits the documents by these weights instead of the sidecar's
 * @throws DataError for files that are missing, truncated or damaged
 */
export async function openDataset(
  prefix: string,
  options: { verify?: boolean; splitWeights?: readonly number[] } = {},
): Promise<Dataset> {
  const found = resolvePrefix(prefix);
  const paths = datasetPaths(found);
  const sidecar = readSidecar(paths.json);
  const dataset = openIndexedDataset(found, paths);
  try {
    if (sidecar && options.verify !== false) await verifyChecksums(paths, sidecar);
    if (sidecar) checkFigures(sidecar, dataset);
    const ranges = options.splitWeights ? splitDocuments(dataset.documents, options.splitWeights) : sidecar?.split;
    return {
      ...dataset,
      sidecar,
      documentsOf(split) {
        if (split === "all") return nonEmpty({ start: 0, end: dataset.documents }, "it", found);
        if (!ranges)
          throw new DataError(
            "has no .json file that records a split: use all documents (split: all), or prepare the text again",
            { source: `${found}.idx` },
          );
        const weights = options.splitWeights ?? sidecar?.split.weights ?? [];
        const label = `its ${split} split (weights ${weights.join(",")} of ${dataset.documents} documents)`;
        return nonEmpty(ranges[split], label, found);
      },
    };
  } catch (error) {
    dataset.close();
    throw error;
  }
}

/** The full prefix of the dataset that `prefix` refers to. */
function resolvePrefix(prefix: string): string {
  if (existsSync(`${prefix}.idx`)) return prefix;
  const directory = dirname(prefix);
  const name = basename(prefix);
  const siblings = existsSync(directory) ? readdirSync(directory) : [];
  const candidates = siblings
    .filter((file) => file.startsWith(`${name}_`) && /_(document|sentence|pair)\.idx$/.test(file))
    .map((file) => join(directory, file.slice(0, -".idx".length)));
  if (candidates.length === 1) return candidates[0]!;
  if (candidates.length > 1)
    throw new DataError(`matches several datasets, expected one of ${candidates.sort().join(", ")}`, {
      source: prefix,
    });
  const [, ending] = /\.(bin|idx|json)$/.exec(name) ?? [];
  if (ending && existsSync(prefix))
    throw new DataError(`is a file of a dataset: leave out .${ending}`, { source: prefix });
  throw new DataError(`no such dataset: expected ${name}.idx or ${name}_<key>_document.idx`, {
    source: prefix,
  });
}

/** Throws a DataError naming a file that differs from the checksums of the sidecar. */
async function verifyChecksums(paths: DatasetPaths, sidecar: DatasetSidecar): Promise<void> {
  for (const kind of ["idx", "bin"] as const) {
    const path = paths[kind];
    const expected = sidecar.files[kind];
    const actual = await checksumOf(path);
    if (actual.bytes !== expected.bytes)
      throw new DataError(`is damaged: ${actual.bytes} bytes, expected ${expected.bytes} by its sidecar`, {
        source: path,
      });
    if (actual.sha256 !== expected.sha256)
      throw new DataError("is damaged: its SHA-256 differs from its sidecar; prepare the text again", {
        source: path,
      });
  }
}

function nonEmpty(range: DocumentRange, label: string, prefix: string): DocumentRange {
  if (range.end > range.start) return { start: range.start, end: range.end };
  throw new DataError(`${label} contains no document`, { source: prefix });
}
