import { spawnSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { commitDirectory, deleteDirectory, listDirectories } from "./directory.ts";
import {
  checkpointDirectory,
  deleteCheckpoint,
  latestCheckpoint,
  listCheckpoints,
  type SavedCheckpoint,
} from "./run-directory.ts";

let run: string;
beforeEach(() => {
  run = mkdtempSync(join(tmpdir(), "megatron-directory-"));
});
afterEach(() => rmSync(run, { recursive: true }));

function put(directory: string, text: string): void {
  mkdirSync(join(directory, "nested"));
  writeFileSync(join(directory, "nested", "file"), text);
  writeFileSync(join(directory, "manifest.json"), text);
}
const textIn = (directory: string): string => readFileSync(join(directory, "nested", "file"), "utf8");
const fail = (code: string) => (): never => {
  throw Object.assign(new Error(`${code}: refused`), { code });
};

describe("commitDirectory", () => {
  it("creates a directory, and its parents", async () => {
    await commitDirectory(join(run, "a/b/c"), async (directory) => {
      await new Promise((done) => setTimeout(done, 1));
      put(directory, "one");
    });
    expect(textIn(join(run, "a/b/c"))).toBe("one");
    expect(readdirSync(join(run, "a/b"))).toEqual(["c"]);
  });

  it("keeps a directory invisible until it is complete", async () => {
    await commitDirectory(join(run, "c"), (directory) => {
      put(directory, "one");
      expect(existsSync(join(run, "c"))).toBe(false);
      expect(listDirectories(run)).toEqual([]);
    });
    expect(listDirectories(run)).toEqual([{ name: "c", path: join(run, "c") }]);
    expect(listDirectories(join(run, "none"))).toEqual([]);
  });

  it("rejects an existing directory, or replaces it if asked", async () => {
    const write = (text: string) => (directory: string) => put(directory, text);
    await commitDirectory(join(run, "c"), write("one"));
    await expect(commitDirectory(join(run, "c"), write("two"))).rejects.toThrow(`${join(run, "c")} already exists`);
    expect(textIn(join(run, "c"))).toBe("one");
    await commitDirectory(join(run, "c"), write("two"), { replace: true });
    expect(textIn(join(run, "c"))).toBe("two");
    expect(readdirSync(run)).toEqual(["c"]);
  });

  it("changes nothing when writing fails, and says whose mistake it was", async () => {
    const target = join(run, "c");
    await commitDirectory(target, (directory) => put(directory, "one"));
    const attempt = (write: () => never) => commitDirectory(target, write, { replace: true });
    await expect(attempt(fail("ENOSPC"))).rejects.toMatchObject({
      message: expect.stringMatching(new RegExp(`${target}: .*ENOSPC`)),
      userError: false,
    });
    await expect(attempt(fail("EACCES"))).rejects.toMatchObject({
      message: expect.stringMatching(new RegExp(`${target}: .*EACCES`)),
      userError: true,
    });
    const bug = new Error("a bug of ours");
    await expect(
      attempt(() => {
        throw bug;
      }),
    ).rejects.toBe(bug);
    expect(textIn(target)).toBe("one");
    expect(readdirSync(run)).toEqual(["c"]);
  });

  it("names a parent that is a file", async () => {
    writeFileSync(join(run, "file"), "");
    const commits = ["file/c", "file/b/c"].map((path) => commitDirectory(join(run, path), () => undefined));
    await expect(commits[0]).rejects.toMatchObject({ message: expect.stringMatching(/EEXIST/), userError: true });
    await expect(commits[1]).rejects.toMatchObject({ message: expect.stringMatching(/ENOTDIR/), userError: true });
  });

  it("removes the leftovers of crashes, and nothing else", async () => {
    for (const name of [".tmp-megatron-c-0123", ".tmp-other", "step-1"]) mkdirSync(join(run, name));
    put(join(run, ".tmp-megatron-c-0123"), "half");
    await commitDirectory(join(run, "d"), (directory) => put(directory, "one"));
    expect(readdirSync(run).toSorted()).toEqual([".tmp-other", "d", "step-1"]);
  });
});

describe("several processes in one parent directory", () => {
  it("do not remove each other's work in progress", async () => {
    // Work of this process, of one that is alive, and of one that is not.
    const dead = spawnSync(process.execPath, ["-p", "process.pid"], { encoding: "utf8" }).stdout.trim();
    await commitDirectory(join(run, "slow"), async (directory) => {
      const name = basename(directory);
      const alive = name.replace(`-${process.pid}.`, `-${process.ppid}.`);
      const crashed = name.replace(`-${process.pid}.`, `-${dead}.`);
      const elsewhere = name.replace(/\.[0-9a-f]{8}\./, ".00000000.");
      for (const other of [alive, crashed, elsewhere]) mkdirSync(join(run, other));
      await commitDirectory(join(run, "fast"), (other) => put(other, "fast"));
      expect(new Set(readdirSync(run))).toEqual(new Set([name, alive, elsewhere, "fast"]));
      put(directory, "slow");
    });
    expect(textIn(join(run, "slow"))).toBe("slow");
  });
});

describe("a replacement that a crash interrupted", () => {
  it("lists the old directory until the next save restores it", async () => {
    await commitDirectory(join(run, "c"), (directory) => put(directory, "old"));
    renameSync(join(run, "c"), join(run, ".old-megatron-c"));
    expect(listDirectories(run)).toEqual([{ name: "c", path: join(run, ".old-megatron-c") }]);
    await commitDirectory(join(run, "d"), (directory) => put(directory, "one"));
    expect(textIn(join(run, "c"))).toBe("old");
  });

  it("prefers the new directory if both exist", async () => {
    await commitDirectory(join(run, "c"), (directory) => put(directory, "new"));
    mkdirSync(join(run, ".old-megatron-c"));
    put(join(run, ".old-megatron-c"), "old");
    expect(listDirectories(run)).toEqual([{ name: "c", path: join(run, "c") }]);
    await commitDirectory(join(run, "d"), (directory) => put(directory, "one"));
    expect(textIn(join(run, "c"))).toBe("new");
    expect(readdirSync(run).toSorted()).toEqual(["c", "d"]);
  });

  it("can be deleted under either name", async () => {
    await commitDirectory(join(run, "c"), (directory) => put(directory, "old"));
    renameSync(join(run, "c"), join(run, ".old-megatron-c"));
    deleteDirectory(listDirectories(run)[0]!.path);
    expect(readdirSync(run)).toEqual([]);
  });
});

describe("the checkpoints of a run", () => {
  const commit = (step: number) => commitDirectory(checkpointDirectory(run, step), (directory) => put(directory, "x"));
  const steps = (saved: SavedCheckpoint[]): number[] => saved.map(({ step }) => step);

  it("are listed by step, complete ones only", async () => {
    expect(latestCheckpoint(join(run, "none"))).toBeUndefined();
    for (const step of [90, 1000, 200]) await commit(step);
    await commit(123_456_789);
    mkdirSync(join(run, "step-00009999"));
    mkdirSync(join(run, "logs"));
    writeFileSync(join(run, "step-00000001"), "a file");
    expect(checkpointDirectory("run", 90)).toBe(join("run", "step-00000090"));
    expect(steps(listCheckpoints(run))).toEqual([90, 200, 1000, 123_456_789]);
    expect(latestCheckpoint(run)).toEqual({ step: 123_456_789, directory: join(run, "step-123456789") });
  });

  it("are deleted, and nothing else", async () => {
    for (const step of [1, 2]) await commit(step);
    deleteCheckpoint(checkpointDirectory(run, 1));
    expect(readdirSync(run)).toEqual(["step-00000002"]);
    expect(() => deleteCheckpoint(run)).toThrow(`${run} is not`);
    expect(() => deleteCheckpoint(join(run, "none"))).toThrow("none is not");
  });
});
