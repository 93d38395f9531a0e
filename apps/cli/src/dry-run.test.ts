import { existsSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { megatron, megatronJson } from "./testing/megatron.ts";
import { chapter, createSandbox } from "./testing/sandbox.ts";

const sandbox = createSandbox();
const { path, file } = sandbox;
let recipe: string;
beforeAll(async () => {
  const text = file("a.txt", chapter(1));
  await megatron("tokenizer", "train", "--input", text, "--vocab-size", "300", "--output", path("tok"));
  recipe = sandbox.recipe("recipe.yaml", "run");
});
afterAll(sandbox.remove);

describe("megatron pretrain --dry-run", () => {
  it("shows what each rank would hold and send, and writes nothing", async () => {
    const split = ["--parallel.tensor", "2", "--parallel.pipeline", "2", "--dry-run"];
    const { code, stdout, stderr } = await megatron("pretrain", recipe, ...split);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toMatch(/^rank 0 \(tensor 0, context 0, data 0, pipeline 0\): layer 0, head 0$/m);
    expect(stdout).toMatch(
      /^ {2}holds [\d,]+ parameters: weights [\d.]+ kB, gradients [\d.]+ kB, optimizer [\d.]+ kB$/m,
    );
    expect(stdout.match(/^ {2}sends /gm)).toHaveLength(12);
    const { ranks } = await megatronJson<{ ranks: object[] }>("pretrain", recipe, ...split);
    expect(ranks).toHaveLength(4);
    expect(existsSync(path("run"))).toBe(false);
  });

  it("refuses a split that does not fit", async () => {
    const { code, stderr } = await megatron("pretrain", recipe, "--parallel.tensor", "3", "--dry-run");
    expect(code).toBe(2);
    expect(stderr).toMatch(/parallel\.tensor: expected a divisor of model\.numHeads/);
  });
});
