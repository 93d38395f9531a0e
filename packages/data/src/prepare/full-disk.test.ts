/** A disk that is full at any moment of a run: the message names the file, and the next call resumes. */
import type * as fs from "node:fs";
import { existsSync, readdirSync, writeFileSync } from "node:fs";
import { afterEach, describe, expect, it, vi } from "vitest";
import { takeLock } from "../files/lock.ts";
import { temporaryDirectory } from "../testing/directory.ts";
import { filesOf, preparing } from "../testing/prepare.ts";

const disk = vi.hoisted(() => {
  vi.resetModules(); // an earlier file of this process may have loaded them on the real node:fs
  return { writesLeft: Number.POSITIVE_INFINITY };
});
vi.mock("node:fs", async (original) => {
  const real = await original<typeof fs>();
  const writeSync = (...args: Parameters<typeof fs.writeSync>) => {
    if (disk.writesLeft-- > 0) return real.writeSync(...args);
    throw Object.assign(new Error("ENOSPC: no space left on device, write"), { code: "ENOSPC", syscall: "write" });
  };
  return { ...real, writeSync };
});
afterEach(() => {
  disk.writesLeft = Number.POSITIVE_INFINITY;
});

const path = temporaryDirectory();
const prepare = preparing(path("out"));
const inputs = [path("texts.jsonl")];
const texts = Array.from({ length: 40 }, (_, i) => `The document ${i} says so. `.repeat(1 + (i % 9)));
writeFileSync(inputs[0]!, texts.map((text) => `${JSON.stringify({ text })}\n`).join(""));

/** Writes that a call makes in all, with a journal after each task. */
async function writesOf(output: string): Promise<number> {
  disk.writesLeft = 1e6;
  await prepare({ inputs, output: path(output) }, { journalMilliseconds: 0 });
  return 1e6 - disk.writesLeft;
}

describe("a full disk", () => {
  it("is reported with the file at any write; with space again, the next call writes the same bytes", async () => {
    const writes = await writesOf("whole");
    const whole = filesOf(path("whole_text_document"));
    expect(writes).toBeGreaterThan(10);
    const named = new Set<string>();
    for (let room = 0; room < writes; room++) {
      disk.writesLeft = room;
      const output = path(`full-${room}`);
      const error = await prepare({ inputs, output }, { journalMilliseconds: 0 }).then(
        () => expect.unreachable("was written"),
        (thrown: unknown) => thrown as Error,
      );
      const [, file] = /^(.*): .*disk is full/.exec(error.message) ?? [];
      expect(error).toMatchObject({ name: "StorageError", userError: false });
      expect(file).toContain(`${output}_text_document.`);
      named.add(file!.slice(`${output}_text_document.`.length));
      expect(existsSync(`${output}_text_document.json`)).toBe(false);
      expect(existsSync(`${output}_text_document.lock`)).toBe(false);
      disk.writesLeft = Number.POSITIVE_INFINITY;
      const { prefix } = await prepare({ inputs, output, overwrite: false });
      expect(filesOf(prefix)).toEqual(whole);
    }
    expect([...named].sort()).toEqual([
      ...["bin.partial", "boundaries.partial", "counts.partial", "idx.partial", "journal.new", "json.partial.new"],
      ...["lengths.partial", "lock"],
    ]);
  });

  it("leaves no lock", () => {
    disk.writesLeft = 0;
    const refuse = () => new Error("is held");
    expect(() => takeLock(path("a.lock"), { refuse })).toThrow(`${path("a.lock")}: the disk is full`);
    expect(readdirSync(path(".")).filter((name) => name.startsWith("a.lock"))).toEqual([]);
  });
});
