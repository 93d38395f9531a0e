/** `megatron start`: any text to a model, again with more minutes, and what it refuses. */
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { megatron, megatronJson } from "./testing/megatron.ts";
import { chapter, createSandbox } from "./testing/sandbox.ts";

const sandbox = createSandbox();
afterAll(() => sandbox.remove());
mkdirSync(sandbox.path("book"));
for (const number of [1, 2, 3, 4]) sandbox.file(`book/${number}.txt`, chapter(number));
sandbox.file("book/settings.json", "{}");
const book = sandbox.path("book");

/** Worker threads cannot load the sources. */
const start = ["start", "--workers", "0"];

interface Result {
  finished: boolean;
  step: number;
  bitsPerByte: number;
  perplexity: number;
  brotli: { level: number; alone: number; primed: number };
}

describe("start", () => {
  it("trains, scores a held-out text and plots the loss; a second call with more minutes continues", async () => {
    const output = sandbox.path("out");
    const texts = [book, "--held-out", sandbox.file("other.txt", chapter(5)), "--output", output];
    const result = await megatronJson<Result>(...start, ...texts, "--minutes", "0.1");
    expect(result).toMatchObject({ finished: true, brotli: { level: 9 } });
    expect(result.step).toBeGreaterThan(0);
    expect(result.bitsPerByte).toBeLessThan(8);
    expect(result.brotli.primed).toBeLessThan(result.brotli.alone);
    expect(JSON.parse(readFileSync(join(output, "result.json"), "utf8"))).toMatchObject({ ...result });
    expect(readFileSync(join(output, "loss.svg"), "utf8")).toContain("</svg>");

    const more = ["--minutes", "0.13", "--brotli", "none", "--prompt", "Call me"];
    const { code, stdout, stderr } = await megatron(...start, ...texts, ...more);
    expect({ code, stderr }).toEqual({ code: 0, stderr: expect.stringContaining("resumed at step") });
    const [, steps] = /the model after (\d+) steps/.exec(stdout) ?? [];
    expect(Number(steps)).toBeGreaterThan(result.step);
    expect(stdout).toMatch(/loss by step[\s\S]*Call me[\s\S]*Try next:/);
    expect(stdout).not.toContain("brotli");
    expect(stdout).toContain(
      `serve ${join(output, "run")} --data --runs ${output}    # then open http://127.0.0.1:8000`,
    );
    expect(stdout).toContain("--minutes 0.39");
    expect(stderr).toContain("skipped 1 .json file");
  });

  it.each<[string, string[], RegExp]>([
    ["a folder without text", ["none"], /none: contains no file/],
    ["a file that is missing", ["missing.txt"], /missing.txt/],
    ["a text shorter than one sequence", ["short.txt"], /too short: .*--held-out/],
    ["minutes below what a few steps take", ["book", "--minutes", "1e-6"], /--minutes .*expected at least/],
    ["no time at all", ["book", "--minutes", "0"], /--minutes/],
    ["another text in the same directory", ["short.txt", "--output", "out"], /out: .*other texts/],
    ["a directory with something else", ["short.txt", "--output", "."], /contains something else/],
  ])("refuses %s with one line", async (name, [input, ...options], message) => {
    mkdirSync(sandbox.path("none"), { recursive: true });
    mkdirSync(sandbox.path("run"), { recursive: true });
    sandbox.file("short.txt", "Call me Ishmael.");
    const output = options.includes("--output")
      ? ["--output", sandbox.path(options.at(-1)!)]
      : [...options, "--output", sandbox.path(`refused ${name}`)];
    const { code, stdout, stderr } = await megatron(...start, sandbox.path(input!), ...output);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr.trim().split("\n").at(-1)).toMatch(message);
  });
});
