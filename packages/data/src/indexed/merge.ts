/** Joins indexed datasets into one, document after document. */

import { DataError } from "../errors.ts";
import { openIndexedDataset } from "./reader.ts";
import { createIndexedDatasetWriter } from "./writer.ts";

/**
 * Writes `<output>.bin` and `<output>.idx` with the documents of all `prefixes` in order.
 * @throws DataError where their element types differ or are not integers of at most 32 bits.
 */
export function mergeIndexedDatasets(prefixes: readonly string[], output: string): void {
  const [first] = prefixes;
  if (first === undefined) throw new DataError("nothing to merge: name at least one dataset");
  const dataset = openIndexedDataset(first);
  const { type } = dataset;
  dataset.close();
  if (type === "i64" || type === "f32" || type === "f64")
    throw new DataError(`stores tokens as ${type}; only integers of at most 32 bits are merged`, {
      source: `${first}.idx`,
    });
  const writer = createIndexedDatasetWriter(output, { type });
  try {
    for (const prefix of prefixes) writer.addDataset(prefix);
    writer.finish();
  } catch (error) {
    writer.abort();
    throw error;
  }
}
