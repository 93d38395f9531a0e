/** A directory for one test file's own files, removed after its tests; and where the golden files are. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll } from "vitest";

export function temporaryDirectory(): (name: string) => string {
  const directory = mkdtempSync(join(tmpdir(), "megatron-data-test-"));
  afterAll(() => rmSync(directory, { recursive: true, force: true }));
  return (name) => join(directory, name);
}

/** Path of a file in fixtures/megatron-dataset. */
export const golden = (name: string) =>
  fileURLToPath(new URL(`../../../../fixtures/megatron-dataset/${name}`, import.meta.url));

/** Path of a file in fixtures/text-files. */
export const textFile = (name: string) =>
  fileURLToPath(new URL(`../../../../fixtures/text-files/${name}`, import.meta.url));

/** Path of a file in fixtures/web-pages. */
export const webPage = (name: string) =>
  fileURLToPath(new URL(`../../../../fixtures/web-pages/${name}`, import.meta.url));

interface GoldenFile {
  datasets: Record<
    string,
    { type: "u8" | "i8" | "i16" | "i32" | "u16" | "i64" | "f32" | "f64"; documents: number[][][] }
  >;
  sampleIndices: { lengths: number[]; documents: number[]; sequenceLength: number; samples: number[] }[];
  blends: { weights: number[]; sources: number[]; samples: number[] }[];
  splits: { weights: number[]; documents: number; bounds: ([number, number] | null)[] }[];
  epochs: {
    lengths: number[];
    sequenceLength: number;
    requested: number;
    epochs: number;
    samples: number;
    lastEpochFrom: number | null;
  }[];
  masks: { tokens: number[]; endOfDocument: number; positions: number[]; lossMask: number[]; visibleFrom: number[] };
}

/** What Megatron's own code gave, written by fixtures/megatron-dataset/make.py. */
export const goldenValues = (): GoldenFile => JSON.parse(readFileSync(golden("golden.json"), "utf8"));
