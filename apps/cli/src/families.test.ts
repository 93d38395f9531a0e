/** Runs every capability that `megatron models` lists for a family, with a tiny model of it. */
import { createIndexedDatasetWriter } from "@megatron-ts/data";
import { capabilitiesOf, type ModelConfig } from "@megatron-ts/model";
import { loadTokenizer } from "@megatron-ts/tokenizer/files";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parse } from "yaml";
import { megatron, megatronJson } from "./testing/megatron.ts";
import { chapter, createSandbox } from "./testing/sandbox.ts";

const sandbox = createSandbox();
const { path, file, remove } = sandbox;
afterAll(remove);

const markers = ["<|endoftext|>", "[PAD]", "[CLS]", "[SEP]", "[MASK]"];
const sentinels = Array.from({ length: 12 }, (_, i) => `<extra_id_${i}>`);

beforeAll(async () => {
  const text = file("text.txt", chapter(1));
  const run = async (...argv: string[]) => {
    const { code, stderr } = await megatron(...argv);
    if (code !== 0) throw new Error(stderr);
  };
  const special = ["--special-tokens", ...markers, ...sentinels];
  await run("tokenizer", "train", "--input", text, "--vocab-size", "320", "--output", path("tok"), ...special);
  const prepare = ["--tokenizer", path("tok"), "--output", path("corpus"), "--split", "60,20,20", "--workers", "0"];
  await run("prepare", "--input", text, "--text-document", "paragraph", ...prepare);
  const tokenizer = await loadTokenizer(path("tok"));
  const writer = createIndexedDatasetWriter(path("sentences"), { type: "u16" });
  for (const paragraph of chapter(1).split("\n\n").slice(0, 8)) {
    const sentences = paragraph.split(/(?<=[.;,]\s)/).map((sentence) => [...tokenizer.encode(sentence)]);
    writer.addDocument(
      sentences.flat(),
      sentences.map(({ length }) => length),
    );
  }
  writer.finish();
});

interface Case {
  family: ModelConfig["family"];
  fields?: string;
  objective?: string;
  /** "sentences" is a dataset without splits whose documents consist of sentences. */
  data?: "corpus" | "sentences";
  metrics: string[];
}

const cases: Record<string, Case> = {
  GPT: { family: "gpt", fields: "maxPositions: 32", metrics: ["causal perplexity"] },
  Llama: {
    family: "gpt",
    fields:
      "maxPositions: 32, positions: rotary, norm: rms, biases: false, gatedFeedForward: true, activation: silu, numKeyValueHeads: 1, dropout: 0",
    metrics: ["causal perplexity"],
  },
  "Gemma 3": {
    family: "gpt",
    fields:
      "maxPositions: 32, positions: rotary, norm: rms, biases: false, gatedFeedForward: true, zeroCenteredNorms: true, outputNorms: true, queryKeyNorm: true, embeddingScale: 4, attentionWindow: 8, windowRotaryTheta: 100, dropout: 0",
    metrics: ["causal perplexity"],
  },
  BERT: {
    family: "bert",
    fields: "maxPositions: 32",
    objective: "{ name: masked, pairs: next-sentence }",
    data: "sentences",
    metrics: ["masked-token perplexity"],
  },
  "Megatron's BERT": {
    family: "bert",
    fields: "maxPositions: 32, normPlacement: pre",
    objective: "{ name: masked, unit: n-gram, pairs: sentence-order }",
    data: "sentences",
    metrics: ["masked-token perplexity"],
  },
  RoBERTa: {
    family: "bert",
    fields:
      "maxPositions: 34, paddingToken: 1, numTokenTypes: 1, heads: { pooler: false, languageModel: true, pair: false }",
    metrics: ["masked-token perplexity"],
  },
  XLNet: { family: "xlnet", metrics: ["permuted perplexity"] },
  T5: { family: "t5", metrics: ["sequence perplexity"] },
  "an encoder-decoder": {
    family: "encoder-decoder",
    fields: "maxPositions: 32",
    objective: "{ name: denoising }",
    metrics: ["sequence perplexity"],
  },
  BART: {
    family: "encoder-decoder",
    fields: "maxPositions: 32, normPlacement: post, separatePositions: true, reservedPositions: 2, logitsBias: true",
    objective: "{ name: denoising }",
    metrics: ["sequence perplexity"],
  },
  sc2019: {
    family: "encoder-decoder",
    fields: "maxPositions: 32, attentionWindow: 16",
    objective:
      "{ name: mixed, parts: [{ weight: 1, objective: { name: masked } }, { weight: 1, objective: { name: permutation } }] }",
    metrics: ["masked-token perplexity", "permuted perplexity"],
  },
};

const sizes = { numLayers: 1, hiddenSize: 16, numHeads: 2 };

const recipeOf = ({ family, fields, objective, data = "corpus" }: Case, run: string) => `
model: { family: ${family}, numLayers: 1, hiddenSize: 16, numHeads: 2${fields ? `, ${fields}` : ""} }
data: { tokenizer: ${path("tok")}, train: ${path(data)}, sequenceLength: 32 }
train:
  optimizer: { name: adamw, learningRate: 0.01 }
  ${objective ? `objective: ${objective}` : ""}
  steps: 2
  batchSize: 2
  microBatchSize: 2
  evaluation: null
  log: { tensorboard: false }
run: { directory: ${run} }
`;

interface Evaluation {
  metrics: { metric: string; loss: number; perplexity: number; bitsPerByte?: number; pairAccuracy?: number }[];
}

const evaluate = (run: string, { data = "corpus" }: Pick<Case, "data">, ...more: string[]) => {
  const limits = ["--max-batches", "2", "--batch-size", "2", "--sequence-length", "32", ...more];
  const split = data === "sentences" ? "all" : "test";
  return megatronJson<Evaluation>("evaluate", run, "--data", path(data), "--split", split, ...limits);
};
const write = (run: string) =>
  megatronJson<{ text: string }>("generate", run, "--prompt", "Call me", "--max-tokens", "5", "--seed", "1");
const fill = (run: string) =>
  megatronJson<{ text: string; masks: { probability: number }[][] }>(
    "generate",
    run,
    "--prompt",
    "Call me [MASK], some [MASK] ago.",
    "--top-k",
    "3",
  );

describe.each(Object.entries(cases))("%s", (name, tiny) => {
  const run = path(name.replaceAll(/\W/g, "-"));
  const back = `${run}-back`;
  const metricsOf = async (checkpoint: string) => (await evaluate(checkpoint, tiny)).metrics;
  const claimed = capabilitiesOf({ family: tiny.family, ...sizes, ...(parse(`{ ${tiny.fields ?? ""} }`) as object) });

  it("pretrains, and evaluates its training objectives", async () => {
    expect(claimed).toEqual(expect.arrayContaining(["pretrain", "evaluate"]));
    const recipe = file(`${name}.yaml`, recipeOf(tiny, run));
    expect(await megatronJson("pretrain", recipe)).toMatchObject({ reason: "completed", step: 2 });
    const { metrics } = await evaluate(run, tiny);
    expect(metrics.map(({ metric }) => metric)).toEqual(tiny.metrics);
    for (const { loss, perplexity, pairAccuracy, bitsPerByte } of metrics) {
      expect(pairAccuracy !== undefined).toBe(tiny.data === "sentences");
      // Two batches are not all of the text.
      expect(bitsPerByte).toBeUndefined();
      expect(perplexity).toBeCloseTo(Math.exp(loss), 3);
      expect(Math.abs(loss - Math.log(320))).toBeLessThan(2);
    }
  });

  it("generates text and fills masks, or reports that it cannot", async () => {
    if (claimed.includes("generate")) {
      expect((await write(run)).text).not.toBe("");
    } else {
      const { code, stderr } = await megatron("generate", run, "--prompt", "Call me");
      expect(code).toBe(2);
      expect(stderr).toContain("error: the text has no mask");
    }
    // This encoder was not trained to fill masks.
    if (claimed.includes("fill") && !tiny.objective?.includes("denoising")) {
      const { text, masks } = await fill(run);
      expect(masks.map((alternatives) => alternatives.length)).toEqual([3, 3]);
      expect(masks[0]![0]!.probability).toBeGreaterThan(1 / 320);
      expect(text).not.toContain("[MASK]");
      const { code, stderr } = await megatron("generate", run, "--prompt", "Call me [MASK]", "--top-p", "0.9");
      expect(code).toBe(2);
      expect(stderr).toMatch(/^error: --top-p /m);
    }
  });

  it("is exported and imported with the same results, or reports that it cannot be", async () => {
    expect(claimed.includes("export")).toBe(claimed.includes("import"));
    const exported = await megatron("export", run, `${run}-exported`);
    if (!claimed.includes("export")) {
      expect(exported.code).toBe(2);
      expect(exported.stderr).toMatch(/^error: .*Hugging Face/m);
      return;
    }
    expect(exported.code).toBe(0);
    await megatronJson("import", `${run}-exported`, back);
    // An imported model has no recipe, only its family's default objective.
    if (!tiny.objective) expect(await metricsOf(back)).toEqual(await metricsOf(run));
    if (claimed.includes("generate")) expect((await write(back)).text).toBe((await write(run)).text);
    if (claimed.includes("fill")) expect((await fill(back)).masks).toEqual((await fill(run)).masks);
  });
});

describe("a translator", () => {
  const sentences = ["the whale", "the white whale", "a ship", "the old ship", "the sea", "a whale", "the old sea"];
  const rows = sentences.map((text) => `${text}\t${text.split(" ").toReversed().join(" ")}`);

  it("learns from pairs, evaluates each of them once, and generates", async () => {
    const input = file("pairs.tsv.txt", rows.join("\n"));
    const prepare = ["--tokenizer", path("tok"), "--output", path("translation"), "--workers", "0"];
    const lines = ["--text-document", "line", "--pairs", "--split", "5,1,1"];
    const { prefix, counts } = await megatronJson<{ prefix: string; counts: { documents: number } }>(
      ...["prepare", "--input", input, ...prepare, ...lines],
    );
    expect([prefix, counts.documents]).toEqual([path("translation_text_pair"), 7]);
    const tiny = { family: "t5", objective: "{ name: source-target }", metrics: [] } as const;
    const recipe = file("translator.yaml", recipeOf({ ...tiny, metrics: [] }, path("translator")));
    const train = ["--data.train", path("translation"), "--train.steps", "40", "--train.batchSize", "4"];
    await megatronJson("pretrain", recipe, ...train, "--train.evaluation", "{ every: 20 }");
    const { metrics } = await megatronJson<Evaluation & { metrics: { tokens: number }[] }>(
      ...["evaluate", path("translator"), "--data", path("translation"), "--split", "all", "--batch-size", "3"],
    );
    const tokenizer = await loadTokenizer(path("tok"));
    const written = rows.map((row) => tokenizer.encode(row.split("\t")[1]!).length + 1);
    expect(metrics).toMatchObject([
      { metric: "sequence perplexity", tokens: written.reduce((sum, length) => sum + length, 0) },
    ]);
    expect(metrics[0]!.loss).toBeLessThan(Math.log(320) - 1);
    expect((await write(path("translator"))).text).not.toBe("");
  });

  it("needs pairs", async () => {
    const input = file("no-pairs.txt", `${rows[0]}\nno tab\n${rows[1]}\n\tno source`);
    const prepare = ["prepare", "--input", input, "--tokenizer", path("tok"), "--output", path("no"), "--workers", "0"];
    const refused = await megatron(...prepare, "--text-document", "line", "--pairs");
    expect(refused.code).toBe(2);
    expect(refused.stderr).toMatch(/no-pairs\.txt:2: .*"no tab"/);
    const skipping = await megatronJson(...prepare, "--text-document", "line", "--pairs", "--skip-bad-lines");
    expect(skipping).toMatchObject({ counts: { documents: 2 }, skipped: { badLines: 2 } });
    const recipe = file(
      "no-pairs.yaml",
      recipeOf({ family: "t5", objective: "{ name: source-target }", metrics: [] }, path("no-run")),
    );
    const { code, stderr } = await megatron("pretrain", recipe);
    expect(code).toBe(2);
    expect(stderr).toMatch(/corpus_text_document: .*document 0/);
  });
});

describe("objectives and options", () => {
  it("must train all heads of the model", async () => {
    const recipe = file("pairs.yaml", recipeOf({ ...cases.BERT!, objective: undefined }, path("none")));
    const { code, stderr } = await megatron("pretrain", recipe);
    expect(code).toBe(2);
    expect(stderr).toMatch(/^error: train\.objective\.pairs: .*next-sentence/m);
  });

  it("evaluate one part of a mixture, or another objective of the family", async () => {
    const own = await evaluate(path("sc2019"), {}, "--objective", "permutation");
    expect(own.metrics.map(({ metric }) => metric)).toEqual(["permuted perplexity"]);
    const other = await evaluate(path("sc2019"), {}, "--objective", "denoising");
    expect(other.metrics.map(({ metric }) => metric)).toEqual(["sequence perplexity"]);
  });

  it.each([
    ["RoBERTa", /error: .*text has \d+ tokens.* 32.*\n$/],
    ["an encoder-decoder", /error: .*prompt has \d+ tokens.* 32.*\n$/],
  ])("reject a prompt that is too long for %s", async (name, message) => {
    const prompt = `${"whale ".repeat(32)}${name === "RoBERTa" ? "[MASK]" : ""}`;
    const { code, stderr } = await megatron("generate", path(name.replaceAll(/\W/g, "-")), "--prompt", prompt);
    expect(code).toBe(2);
    expect(stderr).toMatch(message);
  });

  it("evaluate pseudo-perplexity of masked language models", async () => {
    const { metrics } = await evaluate(path("RoBERTa"), {}, "--pseudo");
    expect(metrics).toMatchObject([{ metric: "pseudo-perplexity", tokens: 4 }]);
    expect(metrics[0]!.bitsPerByte).toBeUndefined();
    const { stdout } = await megatron("evaluate", path("RoBERTa"), "--data", path("corpus"), "--max-batches", "1");
    expect(stdout).toMatch(/\n {2}masked-token perplexity +\d+\.\d{4} per token\n$/);
  });

  it.each([
    ["GPT", ["--pseudo"], "--pseudo"],
    ["GPT", ["--objective", "masked"], "--objective: expected causal"],
    ["XLNet", ["--stride", "4"], "--stride"],
    ["RoBERTa", ["--sequence-length", "33"], "--sequence-length: expected at most 32"],
  ])("%s does not take %j", async (name, more, message) => {
    const { code, stderr } = await megatron("evaluate", path(name), "--data", path("corpus"), ...more);
    expect(code).toBe(2);
    expect(stderr).toContain(`error: ${message}`);
  });
});
