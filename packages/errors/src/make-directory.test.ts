import { mkdtempSync, rmdirSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { makeDirectory } from "./make-directory.ts";

const root = mkdtempSync(join(tmpdir(), "megatron-errors-"));
afterAll(() => rmSync(root, { recursive: true }));
const inRoot = (name: string) => join(root, name);

describe("makeDirectory", () => {
  it("creates what is missing, and says what that was", () => {
    expect(makeDirectory(inRoot("a"))).toEqual([inRoot("a")]);
    expect(makeDirectory(inRoot("a/b/c"))).toEqual([inRoot("a/b"), inRoot("a/b/c")]);
    expect(makeDirectory(inRoot("a/b/c"))).toEqual([]);
    expect(makeDirectory(`${inRoot("a/d/e")}/`)).toHaveLength(2);
    expect(statSync(inRoot("a/d/e")).isDirectory()).toBe(true);
    symlinkSync(inRoot("a"), inRoot("link"));
    expect(makeDirectory(inRoot("link"))).toEqual([]);
  });

  it.each([
    ["file", "EEXIST"],
    ["file/below", "ENOTDIR"],
  ])("fails where a file has the name: %s", (name, code) => {
    writeFileSync(inRoot("file"), "");
    expect(() => makeDirectory(inRoot(name))).toThrow(expect.objectContaining({ code }));
  });

  it.runIf(process.platform === "linux")("fails where nothing can be created, instead of trying forever", () => {
    expect(() => makeDirectory("/proc/x/y/z")).toThrow(expect.objectContaining({ code: "ENOENT" }));
    const before = process.cwd();
    process.chdir(makeDirectory(inRoot("gone"))[0]!);
    try {
      rmdirSync(inRoot("gone"));
      expect(() => makeDirectory("a/b")).toThrow(expect.objectContaining({ code: "ENOENT" }));
    } finally {
      process.chdir(before);
    }
  });
});
