/** The help of every command, and the commands that only show something. */
import type { BackendDescription } from "@megatron-ts/engine";
import { taskNames } from "@megatron-ts/tasks";
import { checkPretrainConfig, parseRecipe, pretrainConfigSchema } from "@megatron-ts/train";
import type { Command } from "commander";
import { describe, expect, it } from "vitest";
import { TASKS } from "./options/task-options.ts";
import { createProgram } from "./program.ts";
import { processTerminal } from "./terminal/terminal.ts";
import { megatron, megatronJson } from "./testing/megatron.ts";
import { backendTable } from "./verbs/doctor.ts";
import { exampleRecipe } from "./verbs/pretrain.ts";

const verbs = [
  ["start"],
  ["tokenizer", "train"],
  ["tokenizer", "encode"],
  ["prepare"],
  ["plan"],
  ["pretrain"],
  ["compare"],
  ["tune"],
  ["finetune"],
  ["evaluate"],
  ["predict"],
  ["generate"],
  ["chat"],
  ["explain"],
  ["serve"],
  ["runs"],
  ["bench", "serve"],
  ["import"],
  ["export"],
  ["checkpoint", "verify"],
  ["checkpoint", "reshard"],
  ["attention", "show"],
  ["inspect"],
  ["doctor"],
  ["models"],
];

describe("--help", () => {
  it.each(verbs)("%s %s has examples and --json, on stdout", async (...verb) => {
    const { code, stdout, stderr } = await megatron(...verb.filter(Boolean), "--help");
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toContain(`Examples:\n  $ megatron ${verb.join(" ")}`);
    expect(stdout).toContain("--json");
  });

  it("has no option of several values with a parser, which would keep the last value alone", () => {
    const all = (command: Command): Command[] => [command, ...command.commands.flatMap(all)];
    const options = all(createProgram(processTerminal(), [])).flatMap((command) => command.options);
    expect(options.filter(({ variadic }) => variadic).length).toBeGreaterThan(5);
    expect(options.filter(({ variadic, parseArg }) => variadic && parseArg).map(({ flags }) => flags)).toEqual([]);
  });

  it("of commands about tasks offers those that there are", () => expect(TASKS).toEqual(taskNames));

  it("of pretrain shows a valid recipe", () => {
    const { model, train } = parseRecipe(exampleRecipe, { schema: pretrainConfigSchema, check: checkPretrainConfig });
    expect(model).toMatchObject({ family: "gpt", numLayers: 12 });
    expect(train).toMatchObject({ steps: 1000, batchSize: 16 });
  });

  it.each([
    [["help"], "Usage: megatron [options]"],
    [["help", "pretrain"], "Usage: megatron pretrain"],
    [["tokenizer", "--help"], "Usage: megatron tokenizer"],
    [["help", "tokenizer", "train"], "Usage: megatron tokenizer"],
  ])("%j prints %s", async (argv, expected) => {
    const { code, stdout } = await megatron(...argv);
    expect(code).toBe(0);
    expect(stdout.startsWith(expected)).toBe(true);
  });

  it("of the program lists every command", async () => {
    const { stdout } = await megatron("--help");
    for (const [verb] of verbs) expect(stdout).toMatch(new RegExp(`^ {2}${verb}\\b`, "m"));
  });
});

describe("megatron models", () => {
  it("lists families, presets, exact parameter counts and capabilities", async () => {
    const { models } = await megatronJson<{ models: { preset: string; parameters: number }[] }>("models");
    expect(models).toContainEqual(expect.objectContaining({ preset: "megatron-gpt-8.3b", parameters: 8_317_040_640 }));
    const { stdout } = await megatron("models");
    expect(stdout).toMatch(/^family +preset +parameters +layers/);
    const works = "pretrain evaluate generate import export";
    expect(stdout).toMatch(new RegExp(`^gpt +megatron-gpt-345m +354,871,296 +24 +1024 +16 +50,304 +${works}$`, "m"));
    expect(stdout).toMatch(/^gpt +logitsCap: 15 +gemma2 gemma3_text$/m);
    expect(stdout).toMatch(/^gpt +embeddingShortcut: true +none: export refuses it$/m);
    expect(stdout).toMatch(/^encoder-decoder +sc2019-345m +355,176,448 +11\+11 +1024 +16 +30,592 +pretrain evaluate/m);
  });
});

describe("megatron doctor", () => {
  it("benchmarks the available backends and marks the default", async () => {
    const report = await megatronJson<{ node: string; backends: BackendDescription[] }>("doctor");
    expect(report.node).toBe(process.version);
    expect(report.backends.map(({ name }) => name)).toEqual(["native", "tensorflow", "wasm", "cpu"]);
    expect(report.backends.filter((backend) => backend.default)).toHaveLength(1);
    const wasm = report.backends.find(({ name }) => name === "wasm");
    expect(wasm).toMatchObject({ unavailableReason: null, threads: 1, instructionSets: ["simd128"] });
    for (const { unavailableReason, threads, gemmGigaflops, memoryGigabytesPerSecond } of report.backends) {
      if (unavailableReason !== null)
        expect([threads, gemmGigaflops, memoryGigabytesPerSecond]).toEqual([null, null, null]);
      else expect(Math.min(threads!, gemmGigaflops!, memoryGigabytesPerSecond!)).toBeGreaterThan(0.01);
    }
  });

  it("prints a table", () => {
    const ran = { description: "", unavailableReason: null, default: false };
    const table = backendTable([
      {
        ...ran,
        name: "native",
        default: true,
        threads: 16,
        instructionSets: ["avx512", "amx"],
        gemmGigaflops: 1234.56,
        memoryGigabytesPerSecond: 98.76,
      },
      {
        ...ran,
        name: "tensorflow",
        unavailableReason: "not installed",
        threads: null,
        instructionSets: [],
        gemmGigaflops: null,
        memoryGigabytesPerSecond: null,
      },
      { ...ran, name: "cpu", threads: 1, instructionSets: [], gemmGigaflops: 0.94, memoryGigabytesPerSecond: 1 },
    ]);
    expect(table).toEqual([
      "  backend     threads  GFLOP/s    GB/s  instruction sets",
      "* native           16   1234.6    98.8  avx512 amx",
      "  tensorflow  not available: not installed",
      "  cpu               1      0.9     1.0",
    ]);
  });
});
