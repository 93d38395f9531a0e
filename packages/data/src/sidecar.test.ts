import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { DataError } from "./errors.ts";
import { openIndexedDataset } from "./indexed/reader.ts";
import { type DatasetSidecar, parseSidecar } from "./sidecar.ts";
import { checkFigures } from "./sidecar-figures.ts";
import { golden } from "./testing/directory.ts";

const dataset = openIndexedDataset(golden("ours_text_document"));

function read(bytes: Uint8Array): DatasetSidecar {
  const sidecar = parseSidecar(bytes, `${dataset.prefix}.json`);
  checkFigures(sidecar, dataset);
  return sidecar;
}

/** What is read of the text with one bit flipped, for every bit: a sidecar, or an error. */
const flips = (text: Buffer) =>
  Array.from({ length: 8 * text.length }, (_, bit) => {
    const flipped = Buffer.from(text);
    flipped[bit >> 3]! ^= 1 << (bit & 7);
    try {
      return read(flipped);
    } catch (error) {
      return error as Error;
    }
  });
const accepted = (results: ReturnType<typeof flips>) => results.filter((result) => !(result instanceof Error));

describe("a sidecar", () => {
  const text = readFileSync(golden("ours_text_document.json"));

  it("is refused with any bit flipped, in one line", () => {
    const results = flips(text);
    expect(accepted(results)).toEqual([]);
    const isOurs = (error: unknown) => error instanceof DataError && !error.message.includes("\n");
    expect(results.filter((error) => !isOurs(error))).toEqual([]);
  });

  it("may be reformatted", () => {
    expect(read(Buffer.from(JSON.stringify(JSON.parse(text.toString()))))).toEqual(read(text));
  });

  it("of version 1, which had no checksum, is read, and no flipped bit changes a size or moves a split", () => {
    const { sha256: _, ...content } = JSON.parse(text.toString());
    const old = Buffer.from(JSON.stringify({ ...content, version: 1 }));
    expect(read(old)).toEqual(read(text));
    const sizes = ({ counts, split }: DatasetSidecar) => JSON.stringify({ counts, split: { ...split, weights: [] } });
    const differing = accepted(flips(old)).filter((sidecar) => sizes(sidecar as DatasetSidecar) !== sizes(read(old)));
    expect(differing).toEqual([]);
  });
});
