/**
 * Beam search with every kind of session: equal to a search without caches, alone and in a batch. That it is the search of
 * transformers is checked in packages/tasks, which can import models.
 */
import { start } from "@megatron-ts/engine";
import { createModel, type ModelConfigInput } from "@megatron-ts/model";
import * as tf from "@tensorflow/tfjs";
import { beforeAll, describe, expect, it } from "vitest";
import { decodeRows } from "../testing/decode-rows.ts";
import { beamSearch } from "./beam-search.ts";

beforeAll(() => start({ backend: process.env.MEGATRON_BACKEND ?? "wasm" }));

const shape = { numLayers: 2, hiddenSize: 16, numHeads: 2, vocabularySize: 30 } as const;
const prompts = [[3, 1, 4, 1, 5], [9], [2, 6, 5, 3, 5, 8, 9, 7]];
const options = { maxTokens: 8, startToken: 1, stopTokens: [7, 11], numBeams: 3, numReturn: 2 };
const random = { initializerRange: 0.4, ...shape };
const configs: Record<string, { config: ModelConfigInput; prediction?: "permutation" }> = {
  GPT: { config: { family: "gpt", maxPositions: 24, ...random } },
  "a window": { config: { family: "gpt", maxPositions: 24, attention: { layout: "local", window: 3 }, ...random } },
  T5: { config: { family: "t5", initializerFactor: 1.5, ...shape } },
  "an encoder-decoder": { config: { family: "encoder-decoder", maxPositions: 20, ...random } },
  "a query stream": { config: { family: "encoder-decoder", maxPositions: 20, ...random }, prediction: "permutation" },
  XLNet: { config: { family: "xlnet", ...random } },
};

describe.each(Object.entries(configs))("beam search with %s", (_, { config, prediction }) => {
  const own = { ...options, prediction };

  it("gives a prompt the same sequences alone and in a batch, and leaks no tensors", () => {
    const model = createModel(config, { weights: { seed: 5 } });
    const before = tf.memory().numTensors;
    const together = beamSearch(model, prompts, own);
    expect(tf.memory().numTensors).toBe(before);
    expect(together.map((beams) => beams.length)).toEqual([2, 2, 2]);
    for (const [index, prompt] of prompts.entries()) {
      const [alone] = beamSearch(model, [prompt], own);
      expect(alone!.map(({ tokens }) => tokens)).toEqual(together[index]!.map(({ tokens }) => tokens));
      for (const [rank, { score }] of alone!.entries()) expect(score).toBeCloseTo(together[index]![rank]!.score, 4);
    }
    model.dispose();
  });

  it("finds what one beam finds if there is one, by greedy decoding", () => {
    const model = createModel(config, { weights: { seed: 5 } });
    const greedy = decodeRows(model, prompts, { ...own, temperature: 0 });
    const single = beamSearch(model, prompts, { ...own, numBeams: 1, numReturn: 1, earlyStopping: true });
    expect(single.map(([beam]) => beam!.tokens)).toEqual(greedy);
    model.dispose();
  });
});
