/** Runs in the stages of a pipeline equal runs of one rank, dropout included. */
import { join } from "node:path";
import { loadLatestCheckpoint } from "@megatron-ts/checkpoint";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { expectClose } from "../testing/reported.ts";
import { openTrainingRuns, type TrainingRuns } from "../testing/training-runs.ts";

let runs: TrainingRuns;
beforeAll(async () => {
  runs = await openTrainingRuns();
});
afterAll(() => runs.remove());

const size = "numLayers: 3, hiddenSize: 32, numHeads: 4, maxPositions: 32, dropout: 0.1, attentionDropout: 0.1";
const gpt = `{ family: gpt, ${size} }`;
/** What a stage needs besides states: first embeddings, the tokens again; and a head of its own. */
const modern =
  `{ family: gpt, ${size}, tiedEmbeddings: false, positions: rotary, embeddingShortcut: true, embeddingNorm: true, ` +
  "layersWithValueEmbeddings: [1] }";
/** ALBERT's: one layer's weights on every stage, and pairs. */
const albert = `{ family: bert, ${size}, numLayerGroups: 1, embeddingSize: 16, heads: { pooler: true, languageModel: true, pair: true } }`;
const micro: [string, string] = ["train.microBatchSize", "2"];

describe("pipeline parallel", () => {
  it("20 steps of GPT and BERT equal those of one rank", async () => {
    const models: [name: string, model: string, overrides: [string, string][]][] = [
      ["gpt", gpt, [micro]],
      ["modern", modern, [micro, ["train.recompute", "{ every: 2 }"]]],
      ["albert", albert, [micro, ["train.objective", "{ name: masked, pairs: next-sentence }"]]],
    ];
    const tasks = models.map(([name, model, overrides]) =>
      runs.task(name, model, { overrides, layout: { pipeline: 2 } }),
    );
    const found = await runs.threadsInTurn(tasks, 2);
    for (const [index, [name, model, overrides]] of models.entries()) {
      expectClose(found[index]!, await runs.solo(runs.task(`${name} alone`, model, { overrides })));
    }
  });

  it("saves one checkpoint, which another split resumes", async () => {
    const overrides: [string, string][] = [micro];
    const first = await runs.threads(
      runs.task("saved", gpt, {
        overrides: [...overrides, ["parallel.stages", "[1, 2]"]],
        layout: { pipeline: 2 },
        stopAfter: 5,
      }),
      2,
    );
    expect(first).toMatchObject({ step: 5, reason: "stopped" });
    const alone = await runs.solo(runs.task("alone", gpt, { overrides, stopAfter: 5 }));
    const names = (name: string) => {
      const { weights, optimizer, close } = loadLatestCheckpoint(join(runs.directory, name));
      close();
      return [[...weights.names].sort(), [...optimizer!.names].sort()];
    };
    expect(names("saved")).toEqual(names("alone"));
    const rest = await runs.solo(runs.task("saved", gpt, { overrides, resume: "auto" }));
    const expected = await runs.solo(runs.task("alone", gpt, { overrides, resume: "auto" }));
    expectClose(first, alone);
    expectClose(rest, expected);
  });
});
