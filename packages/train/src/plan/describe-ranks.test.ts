/** What ranks are said to hold and to send is what they hold and send. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { checkPretrainConfig, completeModel, pretrainConfigSchema } from "../configuration/pretrain-configuration.ts";
import { parseRecipe } from "../configuration/recipe.ts";
import type { TrainingTask } from "../testing/training.rank.ts";
import { openTrainingRuns, type TrainingRuns } from "../testing/training-runs.ts";
import { describeRanks } from "./describe-ranks.ts";

let runs: TrainingRuns;
beforeAll(async () => {
  runs = await openTrainingRuns();
});
afterAll(() => runs.remove());

const gpt = "{ family: gpt, vocabularySize: 326, numLayers: 3, hiddenSize: 32, numHeads: 4, maxPositions: 32 }";
const task = (name: string, layout: object, model = gpt, more: [string, string][] = []) =>
  runs.task(name, model, {
    layout,
    overrides: [
      ["train.steps", "4"],
      ["train.evaluation", "null"],
      ["train.schedule", "{ name: constant }"],
      ["train.microBatchSize", "2"],
      ...more,
    ],
  });

function sharesOf({ recipe, overrides }: TrainingTask) {
  const configuration = parseRecipe(recipe, { schema: pretrainConfigSchema, overrides, check: checkPretrainConfig });
  return describeRanks(configuration, completeModel(configuration.model, { vocabularySize: 326 }));
}

describe("describeRanks", () => {
  it("says who holds what", () => {
    const whole = sharesOf(task("1", {}))[0]!;
    expect(whole).toMatchObject({ layers: [{ first: 0, end: 3 }], heads: { first: 0, end: 4 }, sends: [] });
    expect(whole.optimizer).toBe(2 * whole.weights);
    const shares = sharesOf(task("2 x 2 x 2", { tensor: 2, pipeline: 2, data: 2 }));
    expect(shares.map(({ place: { tensor, data, pipeline } }) => [tensor, data, pipeline])).toEqual([
      [0, 0, 0],
      [1, 0, 0],
      [0, 1, 0],
      [1, 1, 0],
      [0, 0, 1],
      [1, 0, 1],
      [0, 1, 1],
      [1, 1, 1],
    ]);
    expect(shares[5]).toMatchObject({ layers: [{ first: 2, end: 3 }], heads: { first: 2, end: 4 } });
    const pair = shares.slice(0, 2).reduce((sum, { parameters }) => sum + parameters, 0);
    expect(pair).toBeGreaterThan(0.6 * whole.parameters);
    const shared = sharesOf(
      runs.task("zero", gpt, {
        layout: { data: 4 },
        overrides: [
          ["parallel.distributedOptimizer", "true"],
          ["train.microBatchSize", "2"],
        ],
      }),
    );
    expect(shared[3]!.optimizer).toBe(whole.optimizer / 4);
  });

  it("counts the bytes that ranks send in a step, but for a few numbers", async () => {
    const layouts = [{ data: 2 }, { pipeline: 2 }, { tensor: 2 }, { context: 2 }];
    const tasks = layouts.map((layout) => task(JSON.stringify(layout), layout));
    const [t5, xlnet] = [gpt.replace("gpt", "t5"), gpt.replace("gpt", "xlnet")].map((model) =>
      model.replace("numLayers: 3", "numLayers: 2").replace(", maxPositions: 32", ""),
    );
    tasks.push(
      task("interleaved", { pipeline: 2, virtualStages: 2 }, gpt.replace("numLayers: 3", "numLayers: 5")),
      task("T5", { pipeline: 2, virtualStages: 2 }, t5),
      task("T5 split", { tensor: 2 }, t5),
      task("XLNet", { pipeline: 2 }, xlnet),
    );
    tasks.push(task("window", { context: 2 }, gpt.replace("}", ", attentionWindow: 5, layersWithoutWindow: [1] }")));
    const muon = "{ name: muon, learningRate: 0.02, adamw: { learningRate: 1e-3 } }";
    tasks.push(task("Muon", { tensor: 2 }, gpt, [["train.optimizer", muon]]));
    const found = await runs.threadsInTurn(tasks, 2);
    found.forEach(({ sentBytes }, i) => {
      const expected = sharesOf(tasks[i]!)[0]!.sends.reduce((sum, { bytes }) => sum + bytes, 0);
      const counted = sentBytes[2]! - sentBytes[1]!;
      expect(counted).toBeGreaterThanOrEqual(expected);
      expect(counted - expected, tasks[i]!.overrides.join()).toBeLessThan(0.05 * expected);
    });
  });
});
