/**
 * Low-rank adapters in fine-tuning: what is trained and saved, resuming, merging, and the files in PEFT, if PEFT_PYTHON is a
 * Python that has it. Other ways to train a part of a model, and averages over seeds.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import {
  exportAdapter,
  exportHuggingFace,
  latestCheckpoint,
  loadCheckpoint,
  loadLatestCheckpoint,
  loadModel,
  openModelCheckpoint,
  saveCheckpoint,
  weightEntries,
} from "@megatron-ts/checkpoint";
import { start } from "@megatron-ts/engine";
import { createModel, type ModelConfigInput } from "@megatron-ts/model";
import { createTokenizer, type Tokenizer, trainBpe } from "@megatron-ts/tokenizer";
import type { RunEvent } from "@megatron-ts/train";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type FinetuneOptions, finetune, finetuneSeeds, parseFinetuneRecipe } from "./index.ts";
import { sequenceLogits } from "./sequence-logits.ts";

const directory = mkdtempSync(join(tmpdir(), "megatron-lora-"));
afterAll(() => rmSync(directory, { recursive: true, force: true }));
const path = (name: string) => join(directory, name);

const rows = ["film", "story", "plot", "cast"].flatMap((subject) =>
  ["great", "lovely", "dull", "awful"].map((word, i) => `"The ${subject} is ${word}.",${i < 2 ? "good" : "bad"}`),
);
const sizes = { numLayers: 2, hiddenSize: 32, numHeads: 2, maxPositions: 16, vocabularySize: 300 };
const bases: Record<string, ModelConfigInput> = {
  encoder: { family: "bert", ...sizes, dropout: 0.1, heads: { pooler: true, languageModel: false, pair: false } },
  decoder: { family: "gpt", ...sizes },
};

let tokenizer: Tokenizer;
beforeAll(async () => {
  await start({ backend: process.env.MEGATRON_BACKEND ?? "wasm" });
  tokenizer = await createTokenizer(await trainBpe(rows, { vocabularySize: 300 }));
  for (const [name, config] of Object.entries(bases)) {
    const model = createModel(config, { weights: { seed: 2 } });
    const groups = { weights: weightEntries(model.parameters) };
    await saveCheckpoint({ directory: path(name), step: 0, consumedSamples: 0, model: { ...model.config }, groups });
    model.dispose();
  }
  writeFileSync(path("train.csv"), `text,label\n${rows.join("\n")}\n`);
});

const recipeOf = (run: string, { from, fields }: { from: string; fields: string }) =>
  parseFinetuneRecipe(`
task: { name: classification, patience: null }
model: { from: ${path(from)} }
data: { train: ${path("train.csv")}, maxTokens: 16 }
run: { directory: ${path(run)} }
${fields}
`);

const train = (run: string, fields: string, options: Partial<FinetuneOptions> & { from?: string } = {}) => {
  const { from = "encoder", ...rest } = options;
  return finetune(recipeOf(run, { from, fields }), { tokenizer, ...rest });
};

const lora = "lora: { rank: 2, alpha: 4, targets: all, dropout: 0.1 }";
const brief = "train: { steps: 8, batchSize: 4, evaluation: { every: 4 } }";

const weightsOf = (run: string) => {
  const { weights, close } = loadCheckpoint(latestCheckpoint(path(run))!.directory);
  const bytes = Object.fromEntries(
    weights.names.map((name) => [name, Buffer.from(weights.read(name)).toString("hex")]),
  );
  close();
  return bytes;
};

describe("fine-tuning with adapters", () => {
  it("trains and saves them and the head alone, and leaves the base as it was", async () => {
    const events: RunEvent[] = [];
    const before = weightsOfCheckpoint("encoder");
    await train("lora", `${lora}\n${brief}`, { onEvent: (event) => events.push(event) });
    const names = Object.keys(weightsOf("lora"));
    expect(names.filter((name) => !/\.lora[AB]$/.test(name))).toEqual([
      "taskHead.output.weight",
      "taskHead.output.bias",
    ]);
    expect(names).toHaveLength(2 * 6 * 2 + 2);
    const started = events.find((event) => event.type === "started")!;
    // Six matrices of two layers: 4 of [32, 32], [128, 32] and [32, 128], each with 2 rows of inputs and columns of outputs.
    expect(started.trained).toBe(2 * 2 * (4 * 64 + 2 * 160) + 2 * 32 + 2);
    expect(weightsOfCheckpoint("encoder")).toEqual(before);

    const merged = openModelCheckpoint(path("lora"));
    const query = "layers.0.attention.query.weight";
    expect(Buffer.from(merged.weights.read(query)).equals(Buffer.from(before[query]!, "hex"))).toBe(false);
    expect(merged.manifest.model).toMatchObject({ task: { labels: ["bad", "good"] } });
    merged.close();
  });

  it("stopped and resumed ends as the uninterrupted run, bit for bit", async () => {
    const stop = { requested: null as string | null };
    const onEvent = (event: RunEvent) => {
      if (event.type === "step" && event.step === 5) stop.requested = "SIGTERM";
    };
    await train("parts", `${lora}\n${brief}`, { stop, onEvent });
    await train("parts", `${lora}\n${brief}`, { resume: "auto" });
    expect(weightsOf("parts")).toEqual(weightsOf("lora"));
  });

  it("is refused beside other weights than it began with, and for layers that are not there", async () => {
    const [other] = [createModel(bases.encoder!, { weights: { seed: 3 } })];
    const groups = { weights: weightEntries(other.parameters) };
    await saveCheckpoint({ directory: path("other"), step: 0, consumedSamples: 0, model: { ...other.config }, groups });
    other.dispose();
    const resumed = train("parts", `${lora}\n${brief}`, { resume: "auto", from: "other" });
    await expect(resumed).rejects.toMatchObject({
      userError: true,
      message: expect.stringMatching(/model\.from: .*adapter/),
    });
    expect(() => openModelCheckpoint(path("other"), { adapter: path("lora") })).toThrow(/another base/);
    await expect(train("bad", "lora: { targets: [c_attn] }")).rejects.toThrow(
      /lora\.targets: .*attention\.query.*"c_attn"/,
    );
  });

  it("trains an adapter further, ours or one in PEFT's format", async () => {
    await exportAdapter(path("lora"), path("peft"));
    const none = "train: { steps: 1, batchSize: 4, optimizer: { name: adamw, learningRate: 1.0e-20 } }";
    for (const from of ["lora", "peft"]) {
      await train(`${from}-further`, `lora: { from: ${path(from)}, dropout: 0.1 }\n${none}`);
      expect(weightsOf(`${from}-further`)).toEqual(weightsOf("lora"));
    }
    // One module of PEFT's is the query, key and value of a decoder.
    await train("decoder-lora", `${lora}\n${brief}`, { from: "decoder" });
    await exportAdapter(path("decoder-lora"), path("decoder-peft"));
    await train("decoder-further", `lora: { from: ${path("decoder-peft")} }\n${none}`, { from: "decoder" });
    const merged = ["decoder-lora", "decoder-further"].map((run) => {
      const { weights, close } = openModelCheckpoint(path(run));
      const names = ["layers.1.attention.value.weight", "layers.0.feedForward.output.weight", "taskHead.output.weight"];
      const values = names.flatMap((name) => [...new Float32Array(weights.read(name).buffer.slice(0))]);
      close();
      return values;
    });
    for (const [index, value] of merged[1]!.entries()) expect(value).toBeCloseTo(merged[0]![index]!, 6);
    await expect(train("bad", `lora: { from: ${path("decoder-peft")} }\n${none}`)).rejects.toMatchObject({
      userError: true,
      message: expect.stringMatching(/another base/),
    });
  });

  it("trains a classifier of the merged weights with the logits of the base and the adapter", async () => {
    const ids = [Int32Array.of(5, 6, 7), Int32Array.of(9)];
    const logits = [{ base: path("decoder-lora") }, { base: path("decoder"), adapter: path("decoder-lora") }].map(
      ({ base, ...options }) => {
        const { model, checkpoint } = loadModel(base, options);
        checkpoint.close();
        const values = [...sequenceLogits(model, ids).dataSync()];
        model.dispose();
        return values;
      },
    );
    expect(logits[0]).toEqual(logits[1]);
  });

  it.skipIf(process.env.PEFT_PYTHON === undefined)("writes adapters that PEFT gives the same logits", async () => {
    for (const [name, run] of [
      ["encoder", "lora"],
      ["decoder", "decoder-lora"],
    ] as const) {
      const base = loadLatestCheckpoint(path(name));
      await exportHuggingFace(base, path(`${name}-exported`));
      base.close();
      const adapter = latestCheckpoint(path(run))!.directory;
      const { model, checkpoint } = loadModel(path(run));
      checkpoint.close();
      const ids = [Int32Array.of(5, 6, 7)];
      const expected = sequenceLogits(model, ids).dataSync();
      model.dispose();
      const script = fileURLToPath(new URL("../../../fixtures/lora/load.py", import.meta.url));
      const { status, stdout, stderr } = spawnSync(
        process.env.PEFT_PYTHON!,
        [script, path(`${name}-exported`), adapter],
        {
          input: JSON.stringify(ids.map((row) => [...row])),
          encoding: "utf8",
        },
      );
      expect(status, stderr).toBe(0);
      const { logits, trained } = JSON.parse(stdout) as { logits: number[][]; trained: number };
      expect(trained).toBe(0);
      for (const [i, value] of logits.flat().entries()) expect(value).toBeCloseTo(expected[i]!, 5);
    }
  });
});

function weightsOfCheckpoint(name: string): Record<string, string> {
  const { weights, close } = loadCheckpoint(path(name));
  const bytes = Object.fromEntries(weights.names.map((own) => [own, Buffer.from(weights.read(own)).toString("hex")]));
  close();
  return bytes;
}

describe("fine-tuning of a part", () => {
  it("leaves frozen weights as they were, and trains lower layers more slowly", async () => {
    const before = weightsOfCheckpoint("encoder");
    await train("frozen", "train: { steps: 2, batchSize: 4, frozen: [tokenEmbedding, layers.0], layerDecay: 0.5 }");
    const after = weightsOf("frozen");
    const changed = Object.keys(before).filter((name) => before[name] !== after[name]);
    expect(changed.some((name) => name.startsWith("tokenEmbedding") || name.startsWith("layers.0."))).toBe(false);
    expect(changed.some((name) => name.startsWith("layers.1."))).toBe(true);
    await expect(
      train(
        "muon",
        "train: { layerDecay: 0.5, optimizer: { name: muon, learningRate: 0.01, adamw: { learningRate: 0.01 } } }",
      ),
    ).rejects.toThrow(/layerDecay/);
  });

  it("with several seeds gives the mean and the deviation of what they score", async () => {
    const configuration = recipeOf("seeds", { from: "encoder", fields: "train: { steps: 2, batchSize: 4, seed: 5 }" });
    const { runs, scores } = await finetuneSeeds(configuration, {
      seeds: 2,
      train: (one) => finetune(one, { tokenizer }),
    });
    expect(runs.map(({ seed, directory: own }) => [seed, own])).toEqual(
      [5, 6].map((seed) => [seed, path(`seeds/seed-${seed}`)]),
    );
    const [a, b] = runs.map(({ best }) => best!.scores!.accuracy!) as [number, number];
    expect(scores.accuracy!.mean).toBeCloseTo((a + b) / 2, 12);
    expect(scores.accuracy!.deviation).toBeCloseTo(Math.abs(a - b) / Math.SQRT2, 12);
  });
});
