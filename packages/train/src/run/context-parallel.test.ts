/** Runs whose ranks share the tokens of samples equal runs of one rank, dropout included: windows, layouts of blocks, and all keys. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { expectClose } from "../testing/reported.ts";
import type { TrainingOutcome } from "../testing/training.rank.ts";
import { openTrainingRuns, type TrainingRuns } from "../testing/training-runs.ts";

let runs: TrainingRuns;
beforeAll(async () => {
  runs = await openTrainingRuns();
});
afterAll(() => runs.remove());

const size = "numLayers: 2, hiddenSize: 32, numHeads: 4, dropout: 0.1, attentionDropout: 0.1, maxPositions: 64";
const heads = "heads: { pooler: false, languageModel: true, pair: false }";
const local = (more = "") => `attention: { layout: local, window: 6${more} }`;
const decoders: Case[] = [
  ["dense", `{ family: gpt, ${size} }`, [["data.resetAttention", "true"]]],
  ["window", `{ family: gpt, ${size}, positions: rotary, attentionWindow: 5, layersWithoutWindow: [1] }`, []],
  ["alibi", `{ family: gpt, ${size}, positions: alibi, attentionWindow: 5, layersWithoutWindow: [1] }`, []],
  ["blocks", `{ family: gpt, ${size}, attention: { layout: local, window: 7, globalTokens: [0] } }`, []],
];
const encoders: Case[] = [
  [
    "pairs",
    `{ family: bert, ${size}, heads: { pooler: true, languageModel: true, pair: true } }`,
    [["train.objective", "{ name: masked, pairs: next-sentence }"]],
  ],
  ["window", `{ family: bert, ${size}, ${heads}, ${local()} }`, [["data.resetAttention", "true"]]],
  ["blocks", `{ family: bert, ${size}, ${heads}, paddingToken: 1, ${local(", globalTokens: [0, 9]")} }`, []],
];
type Case = [name: string, model: string, overrides: [string, string][]];

/** Bytes that rank 0 sends in a step without evaluation. */
const bytesPerStep = ({ sentBytes }: TrainingOutcome) => sentBytes[3]! - sentBytes[2]!;

/** Runs each model on two ranks, and expects what it does on one. */
async function expectEqual(family: string, models: readonly Case[]): Promise<TrainingOutcome[]> {
  const tasks = models.map(([name, model, overrides]) =>
    runs.task(`${family} ${name}`, model, { overrides, layout: { context: 2 } }),
  );
  const found = await runs.threadsInTurn(tasks, 2);
  for (const [index, [name, model, overrides]] of models.entries()) {
    expectClose(found[index]!, await runs.solo(runs.task(`${family} ${name} alone`, model, { overrides })));
  }
  return found;
}

describe("context parallel", () => {
  it("20 steps of decoders equal those of one rank", async () => {
    const [dense, window] = (await expectEqual("gpt", decoders)) as [TrainingOutcome, TrainingOutcome];
    // Rank 0 sends keys and values of 8 x 8 tokens to rank 1 in each layer, or 4 of a window; the gradients stay the same.
    const rows = (tokens: number) => 4 * 2 * 8 * tokens * 32;
    const positions = 4 * 64 * 32;
    expect(bytesPerStep(dense) - bytesPerStep(window)).toBe(rows(8) - rows(4) + positions);
  });

  it("20 steps of BERT equal those of one rank", async () => {
    await expectEqual("bert", encoders);
  });
});
