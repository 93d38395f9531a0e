/** `megatron tune` on tiny recipes of pretraining and of fine-tuning: which learning rate is best, what a rerun keeps, and what it refuses. */
import { readdirSync, readFileSync, statSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { megatron, megatronJson } from "../testing/megatron.ts";
import { createSandbox, prepareCorpus } from "../testing/sandbox.ts";

interface Result {
  rungs: { trials: number; steps: number }[];
  trials: { values: Record<string, string>; scores: number[] }[];
}

const sandbox = createSandbox();
afterAll(sandbox.remove);
let recipe: string;
const options = () => [
  "--try",
  "train.optimizer.learningRate=1e-9,3e-3,1e-8",
  "--steps",
  "6",
  "--train.evaluation.every",
  "1",
];
beforeAll(async () => {
  await prepareCorpus(sandbox);
  recipe = sandbox.recipe("recipe.yaml", "run");
});

describe("megatron tune", () => {
  it("runs the best trials for longer, and keeps what is finished", async () => {
    const found = await megatronJson<Result>("tune", recipe, ...options());
    expect(found.rungs).toEqual([
      { trials: 3, steps: 2 },
      { trials: 1, steps: 6 },
    ]);
    expect(found.trials.map(({ scores }) => scores.length)).toEqual([2, 1, 1]);
    expect(found.trials[0]!.values).toEqual({ "train.optimizer.learningRate": "0.003" });
    const runs = readdirSync(sandbox.path("run"));
    expect(runs.filter((name) => name.startsWith("trial-"))).toHaveLength(4);
    const written = statSync(sandbox.path(`run/${runs.find((name) => name.startsWith("trial-"))}`)).mtimeMs;
    expect(await megatronJson<Result>("tune", recipe, ...options())).toEqual(found);
    expect(statSync(sandbox.path(`run/${runs.find((name) => name.startsWith("trial-"))}`)).mtimeMs).toBe(written);
    expect(Object.values(JSON.parse(readFileSync(sandbox.path("run/tune.json"), "utf8")))).toHaveLength(4);
  });

  it("tunes a recipe of fine-tuning by the score of its task", async () => {
    const rows = Array.from(
      { length: 24 },
      (_, i) => `${i % 2 ? "whale" : "ship"} ${i % 4},${i % 2 ? "animal" : "thing"}`,
    );
    const file = sandbox.file(
      "finetune.yaml",
      `
task: { name: classification, columns: { text: what }, patience: null }
model: { family: gpt, numLayers: 1, hiddenSize: 32, numHeads: 2, maxPositions: 16, dropout: 0, attentionDropout: 0 }
data: { train: ${sandbox.file("train.csv", `what,label\n${rows.join("\n")}\n`)}, tokenizer: ${sandbox.path("tok")}, maxTokens: 12 }
train: { batchSize: 12, optimizer: { name: adamw, learningRate: 1.0e-3 } }
run: { directory: ${sandbox.path("tuned")} }
`,
    );
    const found = await megatronJson<Result>(
      "tune",
      file,
      "--steps",
      "30",
      "--train.evaluation.every",
      "10",
      "--try",
      "train.optimizer.learningRate=1e-9,1e-2",
    );
    expect(found.trials.map(({ values }) => values["train.optimizer.learningRate"])).toEqual(["0.01", "1e-9"]);
    const [best, other] = found.trials.map(({ scores }) => scores.at(-1)!);
    expect(best).toBeLessThan(other!);
  });

  it("names what is wrong before the first trial", async () => {
    const cases: [string[], RegExp][] = [
      [["--try", "seed"], /--try: expected a field/],
      [["--try", "train.seed=1"], /two values or more/],
      [["--try", "train.sead=1,2"], /train\.sead/],
      [["--try", "model.numHeads=2,3"], /numHeads|hiddenSize/],
    ];
    for (const [given, message] of cases) {
      const { code, stderr } = await megatron("tune", recipe, "--steps", "4", ...given);
      expect([code, stderr]).toEqual([2, expect.stringMatching(message)]);
    }
    expect((await megatron("tune", "nothing.yaml", "--steps", "4", "--try", "train.seed=1,2")).code).toBe(2);
  });
});
