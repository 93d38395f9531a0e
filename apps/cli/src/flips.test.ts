/**
 * A single flipped bit of a checkpoint or a dataset is found by the commands that read the file: exit code 2, and one line
 * that names it. MEGATRON_FLIPS=500 flips 500 bits of each file, and MEGATRON_SEED picks different ones.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { basename } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { megatron } from "./testing/megatron.ts";
import { createSandbox, prepareCorpus } from "./testing/sandbox.ts";

const FLIPS = Number(process.env.MEGATRON_FLIPS ?? 3);
const SEED = Number(process.env.MEGATRON_SEED ?? 1);

const sandbox = createSandbox();
const { path } = sandbox;
let recipe: string;
beforeAll(async () => {
  await prepareCorpus(sandbox);
  recipe = sandbox.recipe("recipe.yaml", "run");
  const { code, stderr } = await megatron("pretrain", recipe, "--train.steps", "2");
  expect(code, stderr).toBe(0);
});
afterAll(sandbox.remove);

const evaluate = () => megatron("evaluate", path("run"), "--data", path("data/corpus"));
const generate = () => megatron("generate", path("run"), "--prompt", "Call", "--max-tokens", "1");
const inspect = () => megatron("inspect", path("run"));
const exported = () => megatron("export", path("run"), path("exported"));
const resume = () => megatron("pretrain", recipe, "--resume", "auto");

const checkpoint = "run/step-00000002";
const dataset = "data/corpus_text_document";
const readers: [file: string, ...commands: (() => ReturnType<typeof megatron>)[]][] = [
  [`${checkpoint}/manifest.json`, inspect, generate, exported, resume],
  [`${checkpoint}/weights-00001-of-00001.safetensors`, generate, evaluate, exported, resume],
  [`${checkpoint}/optimizer-00001-of-00001.safetensors`, resume],
  [`${checkpoint}/tokenizer.json`, generate, evaluate, exported, resume],
  [`${checkpoint}/recipe.yaml`, generate, evaluate, resume],
  [`${dataset}.bin`, evaluate, resume],
  [`${dataset}.idx`, evaluate, resume],
  [`${dataset}.json`, evaluate, resume],
];

/** Numbers from 0 to 1 that depend on the seed. */
function* random(seed: number): Generator<number, never> {
  for (let state = seed; ; ) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    yield state / 2 ** 32;
  }
}

describe("a flipped bit", () => {
  it.each(readers)(
    "of %s is found",
    async (file, ...commands) => {
      const intact = readFileSync(path(file));
      const numbers = random(SEED);
      const missed: string[] = [];
      for (let flip = 0; flip < FLIPS; flip++) {
        const bit = Math.floor(numbers.next().value * intact.length * 8);
        const bytes = Buffer.from(intact);
        bytes[bit >> 3]! ^= 1 << (bit & 7);
        writeFileSync(path(file), bytes);
        const { code, stderr } = await commands[flip % commands.length]!();
        const lines = stderr.split("\n").filter((line) => line !== "" && !line.startsWith("engine: "));
        const found = code === 2 && lines.length === 1 && lines[0]!.includes(basename(file));
        if (!found) missed.push(`bit ${bit}: exit code ${code}: ${stderr}`);
      }
      writeFileSync(path(file), intact);
      expect(missed).toEqual([]);
    },
    FLIPS * 20_000,
  );

  it("is what was wrong: undone, all commands succeed", async () => {
    for (const command of [inspect, generate, exported, evaluate, resume]) {
      const { code, stderr } = await command();
      expect(code, stderr).toBe(0);
    }
  });
});
