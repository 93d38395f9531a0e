/** Files of libzstd, and mutations of them. */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { textFile } from "../../testing/directory.ts";
import { createZstandardDecoder } from "./decoder.ts";

const golden: Record<string, { bytes: number; sha256: string }> = JSON.parse(
  readFileSync(textFile("golden.json"), "utf8"),
).zstandard;
const fileOf = (name: string) => readFileSync(textFile(`zstandard-${name}.zst`));

/** Decodes in chunks. */
async function decode(bytes: Uint8Array, chunk = bytes.length) {
  const decoder = await createZstandardDecoder();
  const hash = createHash("sha256");
  let length = 0;
  for (let at = 0; at < bytes.length; at += chunk) {
    for (const block of decoder.push(bytes.subarray(at, at + chunk))) {
      hash.update(block);
      length += block.length;
    }
  }
  decoder.end();
  return { bytes: length, sha256: hash.digest("hex") };
}

/** A frame without a checksum. */
const frame = (header: number[], ...blocks: number[][]) =>
  Uint8Array.from([0x28, 0xb5, 0x2f, 0xfd, ...header, ...blocks.flat()]);
const block = (type: number, size: number, content: number[], last = true) => {
  const header = (size << 3) | (type << 1) | (last ? 1 : 0);
  return [header & 255, (header >> 8) & 255, header >> 16, ...content];
};

describe("createZstandardDecoder", () => {
  it.each(Object.keys(golden))("decodes what libzstd wrote: %s", async (name) => {
    expect(await decode(fileOf(name))).toEqual(golden[name]);
  });

  it("decodes frames, blocks and checksums in chunks of any size", async () => {
    const twice = Buffer.concat([fileOf("level3"), fileOf("noise")]);
    const whole = await decode(twice);
    expect(whole.bytes).toBe(golden.level3!.bytes + golden.noise!.bytes);
    for (const chunk of [1, 7, 1000]) expect(await decode(twice, chunk)).toEqual(whole);
  });

  it("takes windows of up to 2 GB without their memory", async () => {
    const before = process.memoryUsage().arrayBuffers;
    const decoder = await createZstandardDecoder();
    const input = frame([0, 21 << 3], block(1, 1000, [7]));
    expect(Buffer.concat([...decoder.push(input)])).toEqual(Buffer.alloc(1000, 7));
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(1 << 24);
    await expect(decode(frame([0, (21 << 3) | 1], block(1, 1, [7])))).rejects.toThrow(/window/);
    const terabyte = frame([0xe0, ...[0, 0, 0, 0, 0, 1, 0, 0]], block(1, 1, [7]));
    await expect(decode(terabyte)).rejects.toThrow(/window/);
  });

  it("refuses what is damaged, truncated or unknown", async () => {
    const bytes = fileOf("level19");
    for (const length of [3, 6, 100, bytes.length - 1])
      await expect(decode(bytes.subarray(0, length))).rejects.toThrow(/early/);
    await expect(decode(Buffer.from("plain text"))).rejects.toThrow(/frame/);
    await expect(decode(frame([1, 0x50, 9], block(1, 1, [7])))).rejects.toThrow(/dictionary/);
    await expect(decode(frame([8, 0x50], block(1, 1, [7])))).rejects.toThrow(/unknown format/);
    await expect(decode(frame([0, 0x50], block(3, 1, [7])))).rejects.toThrow(/block/);
    await expect(decode(frame([0x20, 2], block(1, 1, [7])))).rejects.toThrow(/1 bytes, expected 2/);
  });

  it("never accepts a flipped bit, and always ends", async () => {
    const seed = Date.now();
    let accepted = 0;
    const original = fileOf("level19");
    await fc.assert(
      fc.asyncProperty(fc.nat(8 * original.length - 1), async (bit) => {
        const flipped = Uint8Array.from(original);
        flipped[bit >> 3]! ^= 1 << (bit & 7);
        // The reserved bit of a frame, and its window, may change without a trace.
        const result = await decode(flipped).catch((error: Error) => error.message);
        if (typeof result === "string") return;
        expect(result).toEqual(golden.level19);
        accepted++;
      }),
      { numRuns: 300, seed },
    );
    expect(accepted).toBeLessThan(10);
  });
});
