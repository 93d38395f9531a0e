/** Every family trains by its own objective on real text, lowers its own held-out loss, and resumes bit for bit. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { latestCheckpoint, loadCheckpoint } from "@megatron-ts/checkpoint";
import { start } from "@megatron-ts/engine";
import type { Tokenizer } from "@megatron-ts/tokenizer";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { checkPretrainConfig, pretrainConfigSchema } from "../configuration/pretrain-configuration.ts";
import { parseRecipe } from "../configuration/recipe.ts";
import { writeCorpus } from "../testing/corpus.ts";
import { pretrain } from "./pretrain.ts";

const directory = mkdtempSync(join(tmpdir(), "megatron-families-test-"));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

let tokenizer: Tokenizer;
beforeAll(async () => {
  await start({ backend: process.env.MEGATRON_BACKEND ?? "wasm" });
  const documents = Array.from({ length: 30 }, (_, i) =>
    Array.from({ length: 6 }, (_, j) => `The number ${i} and the number ${j} make the number ${i + j}. `),
  );
  ({ tokenizer } = await writeCorpus(join(directory, "corpus"), { documents }));
});

const cases: Record<string, { model: string; objective?: string }> = {
  "BERT with next sentences": {
    model: "{ family: bert, heads: { pooler: true, languageModel: true, pair: true }, maxPositions: 32 }",
    objective: "{ name: masked, pairs: next-sentence, unit: whole-word }",
  },
  "Megatron's BERT with sentence order": {
    model:
      "{ family: bert, normPlacement: pre, heads: { pooler: true, languageModel: true, pair: true }, maxPositions: 32 }",
    objective: "{ name: masked, pairs: sentence-order, unit: n-gram }",
  },
  "RoBERTa on packed text": {
    model:
      "{ family: bert, numTokenTypes: 1, heads: { pooler: false, languageModel: true, pair: false }, maxPositions: 32 }",
  },
  XLNet: { model: "{ family: xlnet }" },
  "encoder-decoder by span corruption": { model: "{ family: encoder-decoder, maxPositions: 32 }" },
  "encoder-decoder by denoising": {
    model: "{ family: encoder-decoder, maxPositions: 32 }",
    objective: "{ name: denoising }",
  },
  T5: { model: "{ family: t5 }", objective: "{ name: span-corruption, spans: geometric }" },
  "sc2019's mixture": {
    model: "{ family: encoder-decoder, maxPositions: 32, numTokenTypes: 2, pairHead: true, attentionWindow: 16 }",
    objective:
      "{ name: mixed, parts: [{ weight: 1, objective: { name: masked, pairs: next-sentence } }, { weight: 1, objective: { name: permutation } }] }",
  },
};

async function run(
  name: string,
  { model, objective }: { model: string; objective?: string },
  options: { resume?: string; stopAfter?: number } = {},
) {
  const recipe = `
model: ${model}
data: { tokenizer: unused, train: ${join(directory, "corpus")}, validation: { prefix: ${join(directory, "corpus")}, split: all }, sequenceLength: 32 }
train:
  optimizer: { name: adamw, learningRate: 3e-3 }
  schedule: { name: linear, warmupSteps: 2 }
  steps: 20
  batchSize: 8
  microBatchSize: 4
  evaluation: { every: 10, batches: 3 }
  checkpoint: { every: 100 }
  log: { every: 10, tensorboard: false }
run: { directory: ${join(directory, name.replaceAll(/\W+/g, "-"))} }
`;
  const configuration = parseRecipe(recipe, {
    schema: pretrainConfigSchema,
    overrides: [
      ["model.numLayers", "2"],
      ["model.hiddenSize", "32"],
      ["model.numHeads", "2"],
      ...(objective ? ([["train.objective", objective]] as const) : []),
    ],
    check: checkPretrainConfig,
  });
  const losses: number[] = [];
  const stop = { requested: null as string | null };
  await pretrain(configuration, {
    tokenizer,
    resume: options.resume,
    stop,
    onEvent(event) {
      if (event.type === "evaluated") losses.push(event.result.loss);
      if (event.type === "step" && event.step === options.stopAfter) stop.requested = "SIGTERM";
    },
  });
  const checkpoint = loadCheckpoint(latestCheckpoint(configuration.run.directory)!.directory);
  const digests = checkpoint.manifest.files
    .filter(({ name: file }) => file.endsWith(".safetensors"))
    .map(({ sha256 }) => sha256);
  checkpoint.close();
  return { losses, digests };
}

describe("pretrain", () => {
  it.each(Object.entries(cases))("%s learns its own objective", async (name, recipe) => {
    const { losses } = await run(name, recipe);
    expect(losses.at(-1)!).toBeLessThan(losses[0]!);
    expect(losses.at(-1)!).toBeLessThan(0.9 * Math.log(320) * (name.includes("mixture") ? 2 : 1));
  });

  it("sc2019's mixture resumes bit for bit", async () => {
    const recipe = cases["sc2019's mixture"]!;
    const whole = await run("whole", recipe);
    await run("parts", recipe, { stopAfter: 7 });
    expect((await run("parts", recipe, { resume: "auto" })).digests).toEqual(whole.digests);
  });
});
