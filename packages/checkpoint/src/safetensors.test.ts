/** Golden files: fixtures/safetensors/make.py, written by the Python package. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import fc from "fast-check";
import { afterAll, describe, expect, it } from "vitest";
import { CheckpointError } from "./errors.ts";
import { openSafetensors, writeSafetensors } from "./safetensors.ts";
import { byteLengthOf, type Dtype, type TensorEntry } from "./tensor-entry.ts";

const golden = (name: string): string =>
  fileURLToPath(new URL(`../../../fixtures/safetensors/${name}.safetensors`, import.meta.url));
const directory = mkdtempSync(join(tmpdir(), "megatron-safetensors-"));
const file = join(directory, "x.safetensors");
afterAll(() => rmSync(directory, { recursive: true }));

/** The tensors of make.py, in its order. */
const described: [string, Dtype, number[]][] = [
  ["decoder.layers.0.weight", "F32", [2, 3]],
  ["\u{1f600}", "F32", [1]],
  ["\uff21", "F32", [1]],
  ["2", "BF16", [3]],
  ["10", "BF16", [3]],
  ['quote " backslash \\ newline \n', "F16", [1, 2]],
  ["scalar", "F64", []],
  ["no rows", "I32", [0, 4]],
  ["ids", "I64", [2, 2]],
  ["mask", "BOOL", [5]],
  ["bytes", "U8", [3]],
  ["int8", "I8", [3]],
  ["int16", "I16", [3]],
  ["uint16", "U16", [3]],
  ["uint32", "U32", [3]],
  ["uint64", "U64", [1]],
  ["complex", "C64", [1]],
  ["e4m3", "F8_E4M3", [3]],
  ["e5m2", "F8_E5M2", [3]],
  ["e8m0", "F8_E8M0", [3]],
];
const entries: TensorEntry[] = described.map(([name, dtype, shape], number) => ({
  name,
  dtype,
  shape,
  bytes: () =>
    Uint8Array.from({ length: byteLengthOf({ dtype, shape }) }, (_, i) =>
      dtype === "BOOL" ? i % 2 : (31 * number + 7 * i) % 256,
    ),
}));

describe("compared with the Python package", () => {
  it("reads what it writes, in every dtype", () => {
    const opened = openSafetensors(golden("all-dtypes"));
    expect(opened.metadata).toEqual({ format: "pt" });
    expect(opened.names.toSorted()).toEqual(described.map(([name]) => name).toSorted());
    for (const { name, dtype, shape, bytes } of entries) {
      expect(opened.info(name)).toEqual({ dtype, shape });
      expect(opened.read(name)).toEqual(bytes());
    }
    opened.close();
  });

  it("writes the same bytes whatever the order of the entries", () => {
    for (const order of [entries, entries.toReversed()]) {
      writeSafetensors(file, order, { metadata: { format: "pt" } });
      expect(readFileSync(file).equals(readFileSync(golden("all-dtypes")))).toBe(true);
    }
    writeSafetensors(file, []);
    expect(readFileSync(file).equals(readFileSync(golden("empty")))).toBe(true);
    expect(openSafetensors(golden("empty")).names).toEqual([]);
  });
});

describe("reading", () => {
  it("returns bytes that any typed array can view", () => {
    const floats = Float64Array.of(1.5, -2, Number.MIN_VALUE);
    const float = (name: string): TensorEntry => ({
      name,
      dtype: "F64",
      shape: [3],
      bytes: () => new Uint8Array(floats.buffer),
    });
    writeSafetensors(file, [float("a"), float("b")]);
    const opened = openSafetensors(file);
    expect(new Float64Array(opened.read("b").buffer)).toEqual(floats);
    expect(() => opened.read("c")).toThrow(`${file}: no tensor "c"`);
    opened.close();
  });

  it("names a file that is missing or a directory", () => {
    expect(() => openSafetensors(join(directory, "none"))).toThrow(/none: .*ENOENT/);
    expect(() => openSafetensors(directory)).toThrow(`${directory}: is a directory`);
  });
});

describe("rejects", () => {
  function write(header: string | Uint8Array, data: number, length?: number): void {
    const text = Buffer.from(header);
    const prefix = Buffer.alloc(8);
    prefix.writeBigUInt64LE(BigInt(length ?? text.length));
    writeFileSync(file, Buffer.concat([prefix, text, Buffer.alloc(data)]));
  }
  const tensor = (begin: unknown, end: unknown, more: { dtype?: unknown; shape?: unknown } = {}): object => ({
    dtype: "F32",
    shape: [2],
    data_offsets: [begin, end],
    ...more,
  });
  const header = (tensors: Record<string, unknown>): string => JSON.stringify(tensors);

  it.each<[string, string | Uint8Array, number, RegExp]>([
    ["overlap", header({ a: tensor(0, 8), b: tensor(4, 12) }), 12, /"b" overlaps tensor "a"/],
    ["the same bytes twice", header({ a: tensor(0, 8), b: tensor(0, 8) }), 8, /overlaps/],
    ["a hole", header({ a: tensor(0, 8), b: tensor(12, 20) }), 20, /4 bytes before tensor "b"/],
    ["a hole at the start", header({ a: tensor(8, 16) }), 16, /8 bytes before tensor "a"/],
    ["bytes at the end", header({ a: tensor(0, 8) }), 9, /1 bytes after the last tensor/],
    ["a missing end", header({ a: tensor(0, 8), b: tensor(8, 16) }), 15, /"b" ends 1 bytes after the end.*truncated/],
    ["offsets backwards", header({ a: tensor(8, 0) }), 8, /tensor "a": .*data_offsets/],
    ["negative offsets", header({ a: tensor(-8, 0) }), 8, /tensor "a": .*data_offsets/],
    ["offsets beyond 2^53", header({ a: tensor(0, 2 ** 60) }), 8, /data_offsets/],
    ["an unknown dtype", header({ a: tensor(0, 8, { dtype: "F31" }) }), 8, /tensor "a": .*"F31"/],
    ["a dtype from the prototype", header({ a: tensor(0, 8, { dtype: "toString" }) }), 8, /unknown dtype/],
    [
      "a shape that does not fit",
      header({ a: tensor(0, 8, { shape: [3] }) }),
      8,
      /F32 \[3\] takes 12 bytes, .* span 8/,
    ],
    ["a shape that overflows", header({ a: tensor(0, 0, { shape: [2 ** 52, 2 ** 52] }) }), 0, /takes .* bytes/],
    ["a shape of fractions", header({ a: tensor(0, 8, { shape: [0.5, 4] }) }), 8, /tensor "a": .*\[0.5,4\]/],
    ["an unknown field", header({ a: tensor(0, 8, { strides: [1] } as object) }), 8, /unknown field "strides"/],
    ["a tensor that is not an object", header({ a: 1 }), 0, /tensor "a": /],
    ["metadata that is not text", header({ __metadata__: { a: 1 } }), 0, /__metadata__/],
    ["a list", "[]", 0, /JSON object/],
    ["no JSON", "{", 0, /its header is not JSON/],
    ["no UTF-8", Uint8Array.of(0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d), 0, /its header is not JSON/],
  ])("%s", (_, text, data, message) => {
    write(text, data);
    expect(() => openSafetensors(file)).toThrow(message);
    expect(() => openSafetensors(file)).toThrow(file);
    expect(() => openSafetensors(file)).toThrow(expect.objectContaining({ name: "CheckpointError", userError: true }));
  });

  it("headers over 100 MB or longer than the file, and files without one", () => {
    write("{}", 0, 100_000_001);
    expect(() => openSafetensors(file)).toThrow(/100000001/);
    write("{}", 0, 2 ** 53);
    expect(() => openSafetensors(file)).toThrow(/more than/);
    write("{}", 0, 3);
    expect(() => openSafetensors(file)).toThrow(/truncated.* 3 bytes/);
    writeFileSync(file, "short");
    expect(() => openSafetensors(file)).toThrow(/5 bytes/);
  });

  it("changed bytes, or reads within bounds", () => {
    const good = readFileSync(golden("all-dtypes"));
    const change = fc.record({ at: fc.nat(good.length - 1), byte: fc.nat(255) });
    const changes = fc.array(change, { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(changes, fc.nat(good.length), (edits, cut) => {
        const bytes = Buffer.from(good);
        for (const { at, byte } of edits) bytes[at] = byte;
        writeFileSync(file, cut % 4 === 0 ? bytes.subarray(0, cut) : bytes);
        try {
          const opened = openSafetensors(file);
          const total = opened.names.reduce((sum, name) => sum + opened.read(name).length, 0);
          opened.close();
          return total <= good.length;
        } catch (error) {
          return error instanceof CheckpointError && error.userError && !error.message.includes("\n");
        }
      }),
      { numRuns: 400 },
    );
  });
});

describe("writing", () => {
  it("takes one tensor at a time, in file order", () => {
    const asked: string[] = [];
    const spied = entries.map((entry) => ({
      ...entry,
      bytes: () => {
        asked.push(entry.name);
        return entry.bytes();
      },
    }));
    const digest = writeSafetensors(file, spied);
    expect(asked).toEqual(openSafetensors(file).names);
    expect(digest.size).toBe(readFileSync(file).length);
  });

  it("continues after a partial write", async () => {
    const { writeSync } = await import("node:fs");
    const stingy = (descriptor: number, bytes: Uint8Array, offset: number, length: number): number =>
      writeSync(descriptor, bytes, offset, Math.min(3, length));
    writeSafetensors(file, entries, { metadata: { format: "pt" }, write: stingy });
    expect(readFileSync(file).equals(readFileSync(golden("all-dtypes")))).toBe(true);
  });

  it("leaves no file when the disk is full", () => {
    rmSync(file, { force: true });
    let room = 2;
    function full(descriptor: number, bytes: Uint8Array, offset: number, length: number): number {
      if (room-- === 0) throw Object.assign(new Error("ENOSPC: no space left on device, write"), { code: "ENOSPC" });
      return length + 0 * (descriptor + bytes.length + offset);
    }
    expect(() => writeSafetensors(file, entries, { write: full })).toThrow(
      expect.objectContaining({ message: expect.stringContaining(`${file}: the disk is full`), userError: false }),
    );
    expect(readdirSync(directory)).not.toContain("x.safetensors");
  });

  it("rejects a tensor whose bytes do not fit its shape, and duplicate names", () => {
    const wrong: TensorEntry = { name: "a", dtype: "F32", shape: [2], bytes: () => new Uint8Array(4) };
    expect(() => writeSafetensors(file, [wrong])).toThrow(/"a" gave 4 bytes.* 8 bytes/);
    expect(() => writeSafetensors(file, [entries[0]!, entries[0]!])).toThrow(/named/);
  });
});
