/**
 * Every family trains by each of its objectives on real text and lowers its own validation loss, and every kind of batch
 * resumes bit for bit. On the fastest backend available: that all compute the same is tested by the engine.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { latestCheckpoint, loadCheckpoint } from "@megatron-ts/checkpoint";
import { start } from "@megatron-ts/engine";
import { families, familyOf, modelConfigSchema } from "@megatron-ts/model";
import type { Tokenizer } from "@megatron-ts/tokenizer";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { checkPretrainConfig, pretrainConfigSchema } from "../configuration/pretrain-configuration.ts";
import { parseRecipe } from "../configuration/recipe.ts";
import { objectivesFor } from "../objectives/open-objective.ts";
import { writeCorpus } from "../testing/corpus.ts";
import { pretrain } from "./pretrain.ts";

const directory = mkdtempSync(join(tmpdir(), "megatron-families-test-"));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

let tokenizer: Tokenizer;
beforeAll(async () => {
  await start();
  const documents = Array.from({ length: 30 }, (_, i) =>
    Array.from({ length: 6 }, (_, j) => `The number ${i} and the number ${j} make the number ${i + j}. `),
  );
  ({ tokenizer } = await writeCorpus(join(directory, "corpus"), { documents }));
});

const sizes = { numLayers: 2, hiddenSize: 32, numHeads: 2 };

const withoutPairs = { heads: { pooler: false, languageModel: true, pair: false } };
const allHeads = { heads: { pooler: true, languageModel: true, pair: true } };

/** Every family with every objective that reaches all of it, by their defaults. */
const registered = Object.keys(families).flatMap((family) =>
  objectivesFor({ family })
    .filter((objective) => !(objective === "masked" && objectivesFor({ family }).length > 1))
    // Needs a dataset of pairs; its batches are those of span corruption.
    .filter((objective) => objective !== "source-target")
    .map((objective): [string, Case] => [
      `${family}, ${objective}`,
      { model: { family, ...(hasPairHead(family) && withoutPairs) }, objective: { name: objective } },
    ]),
);

interface Case {
  model: object;
  objective: object;
}

/** Whether a family's default configuration has a head that only pairs of segments train. */
function hasPairHead(family: string): boolean {
  const config = modelConfigSchema.parse({ family, ...sizes, vocabularySize: 9, ...longest(family) });
  return familyOf(config).pairHead?.(config).present ?? false;
}

function longest(family: string): { maxPositions?: number } {
  return Number.isFinite(familyOf({ family }).longestSequence({ maxPositions: 32 })) ? { maxPositions: 32 } : {};
}

/** What the defaults leave out. */
const variants: Record<string, Case> = {
  "BERT with next sentences": {
    model: { family: "bert", ...allHeads },
    objective: { name: "masked", pairs: "next-sentence", unit: "whole-word" },
  },
  "Megatron's BERT with sentence order": {
    model: { family: "bert", normPlacement: "pre", ...allHeads },
    objective: { name: "masked", pairs: "sentence-order", unit: "n-gram" },
  },
  "T5 with geometric spans": { model: { family: "t5" }, objective: { name: "span-corruption", spans: "geometric" } },
  "sc2019's mixture": {
    model: { family: "encoder-decoder", numTokenTypes: 2, pairHead: true, attentionWindow: 16 },
    objective: {
      name: "mixed",
      parts: [
        { weight: 1, objective: { name: "masked", pairs: "next-sentence" } },
        { weight: 1, objective: { name: "permutation" } },
      ],
    },
  },
};

/** One case for each family, and two stacks that are trained at once. */
const recomputed = Object.entries({
  ...Object.fromEntries(
    registered.map((each): [string, Case] => [(each[1].model as { family: string }).family, each[1]]),
  ),
  "sc2019's mixture": variants["sc2019's mixture"]!,
});

/** One case for each kind of batch. */
const resumed: Record<string, Case> = {
  causal: { model: { family: "gpt" }, objective: { name: "causal" } },
  masked: variants["BERT with next sentences"]!,
  permutation: { model: { family: "xlnet" }, objective: { name: "permutation" } },
  sequence: variants["T5 with geometric spans"]!,
  mixed: variants["sc2019's mixture"]!,
};

async function run(
  name: string,
  { model, objective }: Case,
  options: { steps?: number; resume?: string; stopAfter?: number; recompute?: object | string } = {},
) {
  const recipe = `
model: ${JSON.stringify({ ...sizes, ...longest((model as { family: string }).family), ...model })}
data: { tokenizer: unused, train: ${join(directory, "corpus")}, validation: { prefix: ${join(directory, "corpus")}, split: all }, sequenceLength: 32 }
train:
  optimizer: { name: adamw, learningRate: 3e-3 }
  objective: ${JSON.stringify(objective)}
  schedule: { name: linear, warmupSteps: 2 }
  steps: ${options.steps ?? 20}
  batchSize: 8
  microBatchSize: 4
  recompute: ${JSON.stringify(options.recompute ?? "none")}
  evaluation: { every: 10, batches: 3 }
  checkpoint: { every: 100 }
  log: { every: 10, tensorboard: false }
run: { directory: ${join(directory, name.replaceAll(/\W+/g, "-"))} }
`;
  const configuration = parseRecipe(recipe, {
    schema: pretrainConfigSchema,
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
  it.each([...registered, ...Object.entries(variants)])("%s learns its own objective", async (name, recipe) => {
    const { losses } = await run(name, recipe);
    expect(losses.at(-1)!).toBeLessThan(losses[0]!);
    expect(losses.at(-1)!).toBeLessThan(0.9 * Math.log(320) * (name.includes("mixture") ? 2 : 1));
  });

  it.each(recomputed)("%s recomputes to the same bits", async (name, { model, ...rest }) => {
    const recipe = { model: { ...model, numLayers: 3, dropout: 0.1 }, ...rest };
    const train = async (recompute: object | string) =>
      (await run(`${name} ${JSON.stringify(recompute)}`, recipe, { steps: 2, recompute })).digests;
    const plain = await train("none");
    for (const recompute of ["selective", "full", { every: 2 }]) {
      expect(await train(recompute), JSON.stringify(recompute)).toEqual(plain);
    }
  });

  it.each(Object.entries(resumed))("resumes %s batches bit for bit", async (kind, recipe) => {
    const whole = await run(`${kind} whole`, recipe, { steps: 8 });
    await run(`${kind} parts`, recipe, { steps: 8, stopAfter: 3 });
    const { digests } = await run(`${kind} parts`, recipe, { steps: 8, resume: "auto" });
    expect(digests).toEqual(whole.digests);
  });
});
