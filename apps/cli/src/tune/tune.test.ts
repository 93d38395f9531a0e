/** `megatron tune` on a tiny pretraining recipe: which learning rate is best, what a rerun keeps, and what it refuses. */
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
