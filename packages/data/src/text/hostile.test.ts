/** Inputs made to take time or memory: each is refused in one line, soon. */
import { spawnSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmdirSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { DataError } from "../errors.ts";
import { temporaryDirectory, textFile } from "../testing/directory.ts";
import { readDocuments } from "./documents.ts";
import { measureHtml } from "./html-size.ts";
import { checkExpansion } from "./pacing.ts";

const path = temporaryDirectory();
const UNPACKED = "megatron-ts-unpacked-";

async function problem(input: string): Promise<string> {
  const began = performance.now();
  const error = await (async () => {
    for await (const _ of readDocuments([input]));
  })().then(
    () => expect.unreachable("was read"),
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(DataError);
  expect(performance.now() - began).toBeLessThan(30_000);
  return (error as Error).message;
}

const file = (name: string, content: string | Uint8Array) => {
  writeFileSync(path(name), content);
  return path(name);
};

describe("a hostile input", () => {
  it.each([
    ["elements.html.gz", `<html><body>${"<p>a ".repeat(1_000_000)}`, /nodes/],
    ["values.jsonl.gz", `{"text":"a","x":[${"[],".repeat(5_000_000)}[]]}`, /values/],
    ["commas.csv.gz", `text${",".repeat(2_000_000)}\n`, /fields/],
    ["fields.warc.gz", `WARC/1.0\r\n${"a: b\r\n".repeat(5000)}`, /fields/],
  ])("is refused: %s", async (name, content, expected) => {
    expect(await problem(file(name, gzipSync(content, { level: 1 })))).toMatch(expected);
  });

  it.each(["negative-page.parquet", "negative-literal.parquet"])(
    "is refused: a Parquet file whose page leads back to where it was: %s",
    async (name) => {
      expect(await problem(textFile(name))).toMatch(/damaged/);
    },
  );

  it.each<[string, Record<number, number>]>([
    // A page header whose number of rows is a structure, and a column without a path.
    ["brotli.parquet", { 51: 0x02, 177: 0x52, 1054: 1, 1055: 0 }],
    ["zstd.parquet", { 1853: 0x36 }],
  ])("is refused: a Parquet file with changed bytes: %s", async (name, changes) => {
    const bytes = readFileSync(textFile(name));
    for (const [at, byte] of Object.entries(changes)) bytes[Number(at)] = byte;
    expect(await problem(file("changed.parquet", bytes))).toMatch(/damaged or not a Parquet file \((?!.*object)/);
  });

  it.skipIf(process.platform === "win32")("is refused: a FIFO, or a link to a device", async () => {
    expect(spawnSync("mkfifo", [path("fifo.txt")]).status).toBe(0);
    expect(await problem(path("fifo.txt"))).toMatch(/regular file/);
    symlinkSync("/dev/zero", path("device.txt"));
    expect(await problem(path("device.txt"))).toMatch(/regular file/);
    mkdirSync(path("inside"));
    symlinkSync("/dev/zero", path("inside/device.txt"));
    expect(await problem(path("inside"))).toMatch(/inside\/device.txt: .*regular file/);
  });

  it("removes what a killed process left of another", async () => {
    const [left, recent] = [mkdtempSync(join(tmpdir(), UNPACKED)), mkdtempSync(join(tmpdir(), UNPACKED))];
    utimesSync(left, 0, 0);
    expect(await problem(file("not.parquet.gz", gzipSync("x")))).toMatch(/Parquet/);
    expect([left, recent].map(existsSync)).toEqual([false, true]);
    rmdirSync(recent);
  });

  it("may expand, but not beyond all measure", () => {
    expect(() => checkExpansion("a", { input: 1000, output: 2 ** 30 })).not.toThrow();
    expect(() => checkExpansion("a.zst", { input: 1000, output: 2 ** 30 + 1 })).toThrow(/a.zst: .*10,000/);
  });
});

describe("measureHtml", () => {
  it("counts tags, attributes and depth", () => {
    const html = `<div a=1 b='<p>' c="x y" d><p>a &amp; b<br/><b></b></div><!-- c -->`;
    const { tags, nodes, depth } = measureHtml(html, 1000);
    expect({ tags, depth }).toEqual({ tags: 7, depth: 2 });
    expect(nodes).toBeGreaterThan(14);
    expect(nodes).toBeLessThan(30);
  });
});
