import { copyFileSync, existsSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { golden, goldenValues, temporaryDirectory } from "../testing/directory.ts";
import { tokenTypeFor } from "./format.ts";
import { type IndexedDataset, openIndexedDataset } from "./reader.ts";
import { createIndexedDatasetWriter } from "./writer.ts";

const path = temporaryDirectory();
const { datasets } = goldenValues();
const names = Object.keys(datasets);
const writable = names.filter((name) => !["i64", "f32", "f64"].includes(datasets[name]!.type));

function documentsIn(dataset: IndexedDataset): number[][][] {
  return Array.from({ length: dataset.documents }, (_, document) => {
    const first = dataset.firstSequenceOf(document);
    const count = dataset.firstSequenceOf(document + 1) - first;
    return Array.from({ length: count }, (_, i) => [...dataset.read(first + i)]);
  });
}

function write(prefix: string, documents: number[][][], type: "u8" | "i8" | "i16" | "i32" | "u16"): void {
  const writer = createIndexedDatasetWriter(prefix, { type });
  for (const sequences of documents) {
    for (const sequence of sequences) {
      writer.append(sequence);
      writer.endSequence();
    }
    writer.endDocument();
  }
  writer.finish();
}

const filesOf = (prefix: string) => ({ bin: readFileSync(`${prefix}.bin`), idx: readFileSync(`${prefix}.idx`) });

describe("a dataset of Megatron", () => {
  it.each(names)("is read: %s", (name) => {
    const dataset = openIndexedDataset(golden(name));
    const { type, documents } = datasets[name]!;
    expect(dataset.type).toBe(type);
    expect(documentsIn(dataset)).toEqual(documents);
    expect([...dataset.lengths]).toEqual(documents.flat().map((sequence) => sequence.length));
    expect(dataset.tokens).toBe(documents.flat(2).length);
    const stream = new Int32Array(dataset.tokens);
    dataset.readStream(0, stream);
    expect([...stream]).toEqual(documents.flat(2));
    expect([...dataset.readRaw(0)].map(Number)).toEqual(documents.flat()[0]);
    dataset.close();
  });

  it.each(writable)("equals what we write, byte for byte: %s", (name) => {
    const { type, documents } = datasets[name]!;
    write(path(name), documents, type as "u16");
    expect(filesOf(path(name))).toEqual(filesOf(golden(name)));
    expect(existsSync(path(`${name}.lengths.partial`))).toBe(false);
  });
});

describe("a dataset that was written", () => {
  it("is read back, whole and in ranges", () => {
    const token = fc.integer({ min: 0, max: 65535 });
    const documents = fc.array(fc.array(fc.array(token, { maxLength: 9 }), { maxLength: 3 }), { maxLength: 150 });
    fc.assert(
      fc.property(documents, (written) => {
        write(path("any"), written, "u16");
        const dataset = openIndexedDataset(path("any"));
        expect(documentsIn(dataset)).toEqual(written);
        const stream = written.flat(2);
        written.flat().forEach((sequence, i) => {
          const start = dataset.startOf(i);
          expect(stream.slice(start, start + sequence.length)).toEqual(sequence);
          if (sequence.length > 2) expect([...dataset.read(i, { offset: 1, length: 1 })]).toEqual([sequence[1]]);
        });
        dataset.close();
      }),
      { numRuns: 25 },
    );
  });

  it("resumes from a position, whatever was written after it", () => {
    const documents = [[[1, 2, 3]], [[4, 5]], [[6, 7, 8, 9]]];
    write(path("straight"), documents, "u16");
    const first = createIndexedDatasetWriter(path("resumed"), { type: "u16" });
    first.addDocument([1, 2, 3]);
    first.append([4]);
    const position = first.sync();
    first.append([99]);
    first.endSequence();
    first.endDocument();
    first.sync();
    const second = createIndexedDatasetWriter(path("resumed"), { type: "u16", resume: position });
    second.append([5]);
    second.endSequence();
    second.endDocument();
    second.addDocument([6, 7, 8, 9]);
    second.finish();
    expect(filesOf(path("resumed"))).toEqual(filesOf(path("straight")));
  });

  it("refuses tokens that are out of range, and chooses the type as Megatron does", () => {
    const writer = createIndexedDatasetWriter(path("narrow"), { type: "u16" });
    expect(() => writer.append([65536])).toThrow(/65536 .* u16 \(0 to 65535\)/);
    expect(() => writer.append([-1])).toThrow(/token -1/);
    expect(() => writer.append([1.5])).toThrow(/token 1.5/);
    expect(() => writer.addDocument([1, 2], [1])).toThrow(/sum to 1, .* 2 tokens/);
    writer.abort();
    expect([65_499, 65_500].map(tokenTypeFor)).toEqual(["u16", "i32"]);
  });
});

describe("a damaged dataset", () => {
  const damaged = (change: (file: { bin: Buffer; idx: Buffer }) => { bin?: Buffer; idx?: Buffer }): string => {
    const changed = change(filesOf(golden("sentences_text_sentence")));
    copyFileSync(golden("sentences_text_sentence.bin"), path("damaged.bin"));
    copyFileSync(golden("sentences_text_sentence.idx"), path("damaged.idx"));
    if (changed.bin) writeFileSync(path("damaged.bin"), changed.bin);
    if (changed.idx) writeFileSync(path("damaged.idx"), changed.idx);
    try {
      openIndexedDataset(path("damaged")).close();
    } catch (error) {
      expect(error).toMatchObject({ name: "DataError", userError: true });
      return (error as Error).message.replaceAll(path("damaged"), "damaged");
    }
    return "opened";
  };
  const set = (at: number, value: number | bigint) =>
    damaged(({ idx }) => {
      if (typeof value === "bigint") idx.writeBigInt64LE(value, at);
      else idx.writeInt32LE(value, at);
      return { idx };
    });
  // 5 sequences of 3, 2, 1, 0, 4 tokens; boundaries 0, 2, 2, 5.
  const offsets = 34 + 4 * 5;
  const boundaries = offsets + 8 * 5;

  it("is refused, with the file and the fault", () => {
    expect(damaged(({ bin }) => ({ bin }))).toBe("opened");
    expect(damaged(({ idx }) => ({ idx: idx.subarray(0, -1) }))).toMatch(
      /^damaged.idx: is truncated: 125 bytes, .* 5 sequences/,
    );
    expect(damaged(({ idx }) => ({ idx: idx.subarray(0, 20) }))).toMatch(/^damaged.idx: is truncated: 20 bytes/);
    expect(damaged(({ idx }) => ({ idx: Buffer.concat([idx, Buffer.alloc(2)]) }))).toMatch(
      /^damaged.idx: is damaged: 128/,
    );
    expect(damaged(() => ({ idx: Buffer.alloc(0) }))).toMatch(/^damaged.idx: is not an indexed dataset/);
    expect(damaged(({ bin }) => ({ bin: bin.subarray(1) }))).toMatch(
      /^damaged.bin: is truncated: 19 bytes, expected 10 tokens of 2 bytes/,
    );
    expect(damaged(({ bin }) => ({ bin: Buffer.concat([bin, bin]) }))).toMatch(/^damaged.bin: is too long: 40 bytes/);
    expect(set(9, 2)).toMatch(/^damaged.idx: .*version 2/);
    expect(damaged(({ idx }) => ({ idx: Buffer.from(idx.fill(9, 17, 18)) }))).toMatch(/unknown element type 9/);
    expect(set(34, -3)).toMatch(/^damaged.idx: .*sequence 0 has length -3/);
    expect(set(34 + 4, 3)).toMatch(/sequence 2 starts at byte 10, expected 12/);
    expect(set(34 + 16, 5)).toMatch(/^damaged.bin: is truncated: 20 bytes, expected 11 tokens/);
    expect(set(offsets + 8, 1n << 40n)).toMatch(/sequence 1 starts at byte 1099511627776/);
    expect(set(boundaries, 1n)).toMatch(/document boundary 0 is 1/);
    expect(set(boundaries + 8, 3n)).toMatch(/document boundary 2 is 2/);
    expect(set(boundaries + 24, 6n)).toMatch(/document boundary 3 is 6/);
    expect(set(18, 1n << 50n)).toMatch(/is truncated: 126 bytes/);
    expect(set(26, 0n)).toMatch(/no document boundaries/);
  });

  it("is refused with any bit of its index flipped", () => {
    const original = readFileSync(golden("sentences_text_sentence.idx"));
    fc.assert(
      fc.property(fc.integer({ min: 0, max: boundaries * 8 - 1 }), (bit) => {
        const idx = Buffer.from(original);
        idx[bit >> 3]! ^= 1 << (bit & 7);
        // The element type may turn into another of the same size: i16 (3) is not one bit from u16 (8).
        expect(damaged(() => ({ idx }))).not.toBe("opened");
      }),
      { numRuns: 150 },
    );
  });

  it("is not confused with files of other programs", () => {
    copyFileSync(golden("fairseq_text_document.idx"), path("fairseq.idx"));
    writeFileSync(path("fairseq.bin"), "");
    expect(() => openIndexedDataset(path("fairseq"))).toThrow(/fairseq.idx: was written by fairseq/);
    writeFileSync(path("fairseq.idx"), Buffer.concat([Buffer.from("TNTIDX\0\0"), Buffer.alloc(40)]));
    expect(() => openIndexedDataset(path("fairseq"))).toThrow(/TNTIDX/);
    expect(() => openIndexedDataset(golden("multimodal_text_document"))).toThrow(/multimodal/);
    expect(() => openIndexedDataset(path("missing"))).toThrow(/missing.idx: no such file/);
    copyFileSync(golden("megatron_u16_document.idx"), path("half.idx"));
    expect(() => openIndexedDataset(path("half"))).toThrow(/half.bin: no such file/);
  });

  it("names the position of a value that is not a token id", () => {
    copyFileSync(golden("megatron_f32_document.idx"), path("floats.idx"));
    const bin = readFileSync(golden("megatron_f32_document.bin"));
    bin.writeFloatLE(2.5, 4 * 5);
    writeFileSync(path("floats.bin"), bin);
    const dataset = openIndexedDataset(path("floats"));
    expect(() => dataset.read(2)).not.toThrow();
    expect(() => dataset.read(1)).toThrow(/floats.bin: .*2\.5 at token 5/);
    truncateSync(path("floats.bin"), 8);
    expect(() => dataset.read(0)).toThrow(/floats.bin: is truncated: it ends at byte 8/);
    expect(() => dataset.read(0, { offset: 3, length: 2 })).toThrow(RangeError);
    expect(() => dataset.read(4)).toThrow(RangeError);
    dataset.close();
  });
});
