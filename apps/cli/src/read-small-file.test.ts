/** Files that commands read whole. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { UsageError } from "./errors.ts";
import { readSmallFile } from "./read-small-file.ts";
import { megatron } from "./testing/megatron.ts";

const directory = mkdtempSync(join(tmpdir(), "megatron-small-file-"));
afterAll(() => rmSync(directory, { recursive: true }));
const path = (name: string) => join(directory, name);

describe("small files", () => {
  it("are read up to a size", () => {
    writeFileSync(path("file"), "text");
    expect(readSmallFile(path("file")).toString()).toBe("text");
    truncateSync(path("file"), 2 ** 24 + 1);
    expect(() => readSmallFile(path("file"))).toThrow(UsageError);
    expect(() => readSmallFile(path("missing"))).toThrow("ENOENT");
    expect(() => readSmallFile(directory)).toThrow(UsageError);
  });

  it.skipIf(process.platform === "win32")("are never pipes or devices", async () => {
    expect(() => readSmallFile("/dev/zero")).toThrow(UsageError);
    execFileSync("mkfifo", [path("config.json")]);
    expect(() => readSmallFile(path("config.json"))).toThrow(UsageError);
    const { code, stderr } = await megatron("import", directory, path("imported"));
    expect({ code, stderr }).toEqual({
      code: 2,
      stderr: expect.stringMatching(/^error: .*config\.json.*regular file\n$/),
    });
  });
});
