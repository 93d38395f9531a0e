/** Checks a sidecar against the index of its dataset: a split that moved would let a test read what was trained on. */
import { DataError } from "./errors.ts";
import type { IndexedDataset } from "./indexed/reader.ts";
import type { DatasetSidecar, TextCounts } from "./sidecar.ts";
import { SPLIT_NAMES } from "./split.ts";

const SIZES = ["documents", "tokens", "bytes", "characters", "words"] as const;

/** @throws DataError naming the first figure that differs from the index, or from the sum of its parts */
export function checkFigures(sidecar: DatasetSidecar, dataset: IndexedDataset): void {
  const expect = (name: string, found: number, expected: number) => {
    if (found === expected) return;
    throw new DataError(`is damaged: ${name} is ${found}, expected ${expected}; prepare the text again`, {
      source: `${dataset.prefix}.json`,
    });
  };
  const { counts, split, languages, sentences } = sidecar;
  let end = 0;
  for (const name of SPLIT_NAMES) {
    const range = split[name];
    expect(`split.${name}.start`, range.start, end);
    expect(`split.${name}.documents`, range.documents, range.end - range.start);
    end = range.end;
  }
  expect("the end of the last split", end, dataset.documents);
  for (const name of SPLIT_NAMES)
    expect(`split.${name}.tokens`, split[name].tokens, tokensBetween(dataset, split[name]));
  expect("counts.documents", counts.documents, dataset.documents);
  expect("counts.tokens", counts.tokens, dataset.tokens);
  if (sentences) expect("sentences.sequences", sentences.sequences, dataset.sequences);
  const parts: [string, TextCounts[]][] = [["splits", SPLIT_NAMES.map((name) => split[name])]];
  if (languages) parts.push(["languages", Object.values(languages)]);
  for (const [kind, all] of parts)
    for (const size of SIZES) expect(`the sum of the ${kind}' ${size}`, sumOf(all, size), counts[size]);
}

const sumOf = (parts: readonly TextCounts[], size: keyof TextCounts) =>
  parts.reduce((sum, part) => sum + part[size], 0);

function tokensBetween(dataset: IndexedDataset, { start, end }: { start: number; end: number }): number {
  const position = (document: number) => dataset.startOf(dataset.firstSequenceOf(document));
  return position(end) - position(start);
}
