/** Readers of datasets: the index, the sidecar (with a checksum that fits, which would refuse everything), the journal. */
import { createHash } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { openIndexedDataset } from "../../../packages/data/src/indexed/reader.ts";
import { findJournal } from "../../../packages/data/src/prepare/journal.ts";
import { parseSidecar } from "../../../packages/data/src/sidecar.ts";
import { checkFigures } from "../../../packages/data/src/sidecar-figures.ts";
import { damagedBytes, damagedJson } from "../mutations.mjs";
import { directory, fixture, fixturePath, fixtures } from "../samples.mjs";

const sidecar = fixture("megatron-dataset/ours_text_document.json").toString();
let prefix;
let ours;

function readIndex(bytes) {
  if (prefix === undefined) {
    prefix = join(directory(), "a");
    writeFileSync(`${prefix}.bin`, fixture("megatron-dataset/ours_text_document.bin"));
  }
  writeFileSync(`${prefix}.idx`, bytes);
  const dataset = openIndexedDataset(prefix);
  try {
    for (let i = 0; i < Math.min(dataset.sequences, 20); i++) dataset.read(i);
  } finally {
    dataset.close();
  }
}

function seal(bytes) {
  try {
    const { sha256: _, ...content } = JSON.parse(bytes.toString());
    const sha256 = createHash("sha256").update(JSON.stringify(content)).digest("hex");
    return Buffer.from(JSON.stringify({ ...content, sha256 }));
  } catch {
    return bytes;
  }
}

function readSidecar(bytes) {
  ours ??= openIndexedDataset(fixturePath("megatron-dataset/ours_text_document"));
  checkFigures(parseSidecar(bytes, "a.json"), ours);
}

const journal = JSON.stringify({
  version: 2,
  key: "k",
  phase: "encoding",
  tasks: 3,
  position: { tokens: 100, sequences: 4, documents: 4, openTokens: 0 },
  openDocument: { tokens: 0, bytes: 0, characters: 0, words: 0 },
  emptyDocuments: 0,
  marks: 2,
});
let interrupted;

function readJournal(bytes) {
  interrupted ??= join(directory(), "a");
  writeFileSync(`${interrupted}.journal`, bytes);
  findJournal(interrupted, { key: "k", type: "u16" });
}

export const datasetParsers = [
  {
    name: "idx",
    inputs: damagedBytes([
      fixture("megatron-dataset/ours_text_document.idx"),
      ...fixtures("megatron-dataset", /\.idx$/, { largest: 4000 }),
    ]),
    read: readIndex,
  },
  { name: "sidecar", inputs: damagedJson([sidecar]).map(seal), read: readSidecar },
  { name: "journal", inputs: damagedJson([journal]), read: readJournal },
];
