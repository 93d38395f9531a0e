import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import * as z from "zod";
import { loadRecipe } from "./recipe-file.ts";

const directory = mkdtempSync(join(tmpdir(), "megatron-recipe-"));
afterAll(() => rmSync(directory, { recursive: true }));
const schema = z.strictObject({ steps: z.int() });
const load = (path: string) => loadRecipe(path, { schema });

it("reads a recipe, and names the file in its mistakes", () => {
  const path = join(directory, "recipe.yaml");
  writeFileSync(path, "steps: 3\n");
  expect(load(path)).toEqual({ steps: 3 });
  writeFileSync(path, "\nsteps: three\n");
  expect(() => load(path)).toThrow(`${path}:2: steps: expected a whole number; got "three"`);
});

it("says why a file cannot be read", () => {
  const missing = join(directory, "missing.yaml");
  expect(() => load(missing)).toThrow(`${missing}: no such file`);
  expect(() => load(directory)).toThrow(`${directory}: a directory, not a recipe`);
  const binary = join(directory, "binary.yaml");
  writeFileSync(binary, new Uint8Array([0x73, 0xff, 0xfe]));
  expect(() => load(binary)).toThrow(`${binary}: not UTF-8 text`);
});

it.skipIf(process.platform === "win32")("never waits without end, nor reads without end", () => {
  expect(() => load("/dev/zero")).toThrow("/dev/zero: not a file");
  const large = join(directory, "large.yaml");
  writeFileSync(large, "#".repeat(2 ** 20 + 1));
  expect(() => load(large)).toThrow(`${large}: larger than 1 MB`);
  const pipe = join(directory, "pipe.yaml");
  execFileSync("mkfifo", [pipe]);
  expect(() => load(pipe)).toThrow(`${pipe}: is empty`);
});

it.skipIf(process.platform === "win32")("reads what is written to a pipe meanwhile", async () => {
  const pipe = join(directory, "written.yaml");
  execFileSync("mkfifo", [pipe]);
  // Opens the pipe for reading too, so that it opens at once, and says so.
  const script = `exec 3<>"$0"; echo open; sleep 0.2; echo 'steps: 4' >&3; sleep 0.1`;
  const writer = spawn("bash", ["-c", script, pipe], { stdio: ["ignore", "pipe", "inherit"] });
  await new Promise((resolve) => writer.stdout.once("data", resolve));
  expect(load(pipe)).toEqual({ steps: 4 });
});
