/** A process that is killed while it replaces a dataset: every rename of it in turn is the first that does not happen. */
import type * as fs from "node:fs";
import { readdirSync, writeFileSync } from "node:fs";
import { describe, expect, it, vi } from "vitest";
import { openDataset } from "../dataset.ts";
import { temporaryDirectory } from "../testing/directory.ts";
import { preparing } from "../testing/prepare.ts";

const disk = vi.hoisted(() => {
  vi.resetModules(); // an earlier file of this process may have loaded them on the real node:fs
  return { renamesLeft: Number.POSITIVE_INFINITY };
});
vi.mock("node:fs", async (original) => {
  const real = await original<typeof fs>();
  const renameSync = (...args: Parameters<typeof fs.renameSync>) => {
    if (disk.renamesLeft-- > 0) return real.renameSync(...args);
    throw new Error("killed");
  };
  return { ...real, renameSync };
});

const path = temporaryDirectory();
const inputOf = (word: string) => {
  const texts = Array.from({ length: 9 }, (_, i) => `This is ${word} of the document ${i}.`);
  writeFileSync(path(`${word}.jsonl`), texts.map((text) => JSON.stringify({ text })).join("\n"));
  return { inputs: [path(`${word}.jsonl`)] };
};
const [old, replacement, third] = [inputOf("old"), inputOf("a-longer-replacement"), inputOf("third")];

/** The tokens and the sidecar, checked against each other. */
async function contentOf(output: string) {
  const dataset = await openDataset(path(output));
  const tokens = Array.from({ length: dataset.sequences }, (_, i) => [...dataset.read(i)]);
  dataset.close();
  return JSON.stringify({ tokens, sidecar: dataset.sidecar });
}

describe("a dataset that is replaced", () => {
  it("is the old or the new one, whenever that is interrupted, and becomes that of the next call", async () => {
    const expected: string[] = [];
    for (const [i, options] of [old, replacement, third].entries()) {
      await preparing(path(`expected-${i}`))(options);
      expected.push(await contentOf(`expected-${i}`));
    }
    const seen = new Set<number>();
    for (let renames = 0, done = false; !done; renames++) {
      for (const next of [replacement, third]) {
        const output = `${renames}-${next === third}`;
        const prepare = preparing(path(output));
        await prepare(old);
        disk.renamesLeft = renames;
        done = await prepare(replacement).then(
          () => true,
          (error: Error) => {
            expect(error.message).toBe("killed");
            return false;
          },
        );
        disk.renamesLeft = Number.POSITIVE_INFINITY;
        const found = expected.indexOf(await contentOf(output));
        expect([0, 1]).toContain(found);
        seen.add(found);
        await prepare(next);
        expect(expected.indexOf(await contentOf(output))).toBe(next === third ? 2 : 1);
        const left = readdirSync(path(".")).filter((name) => name.startsWith(`${output}_`));
        expect(left.filter((name) => !/\.(bin|idx|json)$/.test(name))).toEqual([]);
      }
    }
    expect([...seen].sort()).toEqual([0, 1]);
  });
});
