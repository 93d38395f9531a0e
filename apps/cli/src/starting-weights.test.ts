/** Runs initialized from another checkpoint: encoders that learn to translate, and models that continue training. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { latestCheckpoint, loadCheckpoint } from "@megatron-ts/checkpoint";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { megatron, megatronJson } from "./testing/megatron.ts";
import { createSandbox } from "./testing/sandbox.ts";

const { path, file, remove } = createSandbox();
afterAll(remove);

const sentences = ["the whale", "the white whale", "a ship", "the old ship", "the sea", "a whale", "the old sea"];
const pairs = sentences.map((text) => `${text}\t${text.split(" ").toReversed().join(" ")}`);

beforeAll(async () => {
  const text = file("text.txt", Array.from({ length: 30 }, (_, i) => sentences[i % 7]).join("\n"));
  const special = ["--special-tokens", "<|endoftext|>", "[PAD]", "[CLS]", "[SEP]", "[MASK]"];
  await megatronJson(
    ...["tokenizer", "train", "--input", text, "--vocab-size", "290", "--output", path("tok")],
    ...special,
  );
  const prepare = ["--tokenizer", path("tok"), "--text-document", "line", "--workers", "0"];
  await megatronJson("prepare", "--input", text, ...prepare, "--output", path("text"));
  const translations = ["--input", file("pairs.txt", pairs.join("\n")), "--output", path("translation")];
  await megatronJson("prepare", ...translations, ...prepare, "--pairs", "--split", "1,0,0");
});

const encoders: Record<string, string> = {
  BERT: "family: bert, maxPositions: 16, heads: { pooler: false, languageModel: true, pair: false }",
  RoBERTa:
    "family: bert, maxPositions: 18, paddingToken: 1, numTokenTypes: 1, heads: { pooler: false, languageModel: true, pair: false }",
  XLNet: "family: xlnet",
};
const size = "numLayers: 2, hiddenSize: 16, numHeads: 2, initializerRange: 0.3";

const recipe = (model: string, data: string, run: string) =>
  file(
    `${run}.yaml`,
    `model: { ${model} }
data: { tokenizer: ${path("tok")}, train: ${path(data)}, sequenceLength: 16 }
train:
  optimizer: { name: adamw, learningRate: 0.01 }
  steps: 2
  batchSize: 4
  microBatchSize: 4
  evaluation: null
  log: { tensorboard: false }
run: { directory: ${path(run)} }
`,
  );
const translating = ["--train.objective", "{ name: source-target }"];
/** A learning rate too small to change any weight. */
const frozen = ["--train.optimizer.learningRate", "1e-30", "--train.steps", "1"];

function weightsOf(run: string): Map<string, Uint8Array> {
  const { weights, close } = loadCheckpoint(latestCheckpoint(path(run))!.directory);
  const found = new Map(weights.names.map((name) => [name, weights.read(name)]));
  close();
  return found;
}

describe.each(Object.entries(encoders))("an encoder-decoder initialized from %s", (encoder, fields) => {
  const model = `from: ${path(encoder)}, family: encoder-decoder, dropout: 0`;
  const run = `${encoder}-translator`;

  it("has its weights in both stacks", async () => {
    await megatronJson("pretrain", recipe(`${fields}, ${size}`, "text", encoder));
    const still = recipe(model, "translation", `${encoder}-still`);
    const { code, stderr } = await megatron("pretrain", still, ...translating, ...frozen);
    expect([code, stderr]).toEqual([0, expect.stringContaining(path(encoder))]);
    const [before, after] = [weightsOf(encoder), weightsOf(`${encoder}-still`)];
    for (const [name, values] of before) {
      if (!name.startsWith("layers.")) continue;
      for (const stack of ["encoder", "decoder"]) expect(after.get(`${stack}.${name}`)).toEqual(values);
    }
    expect(after.get("tokenEmbedding.weight")).toEqual(before.get("tokenEmbedding.weight"));
    expect(after.has("decoder.layers.1.crossAttention.query.weight")).toBe(true);
  });

  it("learns from pairs, resumes and generates", async () => {
    const translator = recipe(model, "translation", run);
    const steps = ["--train.schedule", "{ name: linear }", "--train.schedule.endStep", "150", "--train.steps"];
    await megatronJson("pretrain", translator, ...translating, ...steps, "100");
    const more = [...steps, "150", "--resume", "auto"];
    expect(await megatronJson("pretrain", translator, ...translating, ...more)).toMatchObject({ step: 150 });
    const { metrics } = await megatronJson<{ metrics: { metric: string; loss: number }[] }>(
      ...["evaluate", path(run), "--data", path("translation"), "--split", "all"],
    );
    expect(metrics).toMatchObject([{ metric: "sequence perplexity" }]);
    expect(metrics[0]!.loss).toBeLessThan(0.2);
    const prompt = ["--prompt", "the white whale", "--temperature", "0"];
    expect((await megatronJson<{ text: string }>("generate", path(run), ...prompt)).text).toBe("whale white the");
  });
});

describe("a model that continues training", () => {
  it("starts from the checkpoint's weights, as does its saved recipe", async () => {
    const on = recipe(`from: ${path("BERT")}, dropout: 0.2`, "text", "on");
    await megatronJson("pretrain", on, ...frozen);
    expect(weightsOf("on")).toEqual(weightsOf("BERT"));
    const saved = file("saved.yaml", readFileSync(join(path("on"), "recipe.yaml"), "utf8"));
    await megatronJson("pretrain", saved, "--run.directory", path("again"));
    expect(weightsOf("again")).toEqual(weightsOf("BERT"));
  });

  it.each([
    ["from: PATH/nowhere", /model\.from: .*nowhere/],
    ["from: PATH/tok", /model\.from: .*tok/],
    ["from: PATH/BERT, family: gpt", /model\.from: .*bert.*gpt/],
    ["from: PATH/BERT, preset: gpt2", /model\.from: .*preset/],
    ["from: PATH/BERT-translator, family: bert", /model\.from: .*encoder-decoder.*bert/],
    ["from: PATH/BERT, numLayers: 3", /layers\.2\.attention\.query\.weight/],
    ["from: PATH/BERT, maxPositions: 24", /positionEmbedding\.weight.*\[16,16\]/],
    ["from: PATH/BERT, vocabularySize: 270", /model\.vocabularySize: .*tokenizer/],
  ])("rejects { %s }", async (model, message) => {
    const here = (text: string) => text.replace("PATH", path(""));
    const { code, stdout, stderr } = await megatron("pretrain", recipe(here(model), "text", "refused"));
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    const lines = stderr.trimEnd().split("\n");
    expect(lines.filter((line) => !line.startsWith("engine: "))).toEqual([expect.stringMatching(message)]);
    expect(existsSync(join(path("refused"), "recipe.yaml"))).toBe(false);
  });

  it("rejects a tokenizer with other ids", async () => {
    const other = ["--vocab-size", "290", "--output", path("other")];
    const special = ["--special-tokens", "<|endoftext|>", "[PAD]", "[MASK]", "[CLS]", "[SEP]"];
    await megatronJson("tokenizer", "train", "--input", path("text.txt"), ...other, ...special);
    const prepare = ["--tokenizer", path("other"), "--output", path("other-text"), "--workers", "0"];
    await megatronJson("prepare", "--input", path("text.txt"), ...prepare, "--text-document", "line");
    const recipes = recipe(`from: ${path("BERT")}`, "other-text", "refused");
    const { code, stderr } = await megatron("pretrain", recipes, "--data.tokenizer", path("other"));
    expect([code, stderr]).toEqual([2, expect.stringMatching(/data\.tokenizer: .*checkpoint/)]);
  });
});
