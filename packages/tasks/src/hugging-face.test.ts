/**
 * Classifiers in Hugging Face's format: exported and imported again they give the same logits; where PEER_PYTHON is set, they
 * give those of transformers.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import {
  exportHuggingFace,
  importHuggingFace,
  loadCheckpoint,
  loadModel,
  saveCheckpoint,
  weightEntries,
} from "@megatron-ts/checkpoint";
import { start } from "@megatron-ts/engine";
import {
  createModel,
  familyOf,
  type Model,
  type ModelConfigInput,
  modelConfigSchema,
  type TaskHeadConfig,
} from "@megatron-ts/model";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { sequenceLogits, tokenLogits } from "./sequence-logits.ts";

const directory = mkdtempSync(join(tmpdir(), "megatron-classifiers-"));
afterAll(() => rmSync(directory, { recursive: true, force: true }));
beforeAll(() => start({ backend: process.env.MEGATRON_BACKEND ?? "wasm" }));

const sizes = { numLayers: 2, hiddenSize: 32, numHeads: 2, maxPositions: 32, vocabularySize: 64 };
const { maxPositions: _, ...withoutPositions } = sizes;
const gated = { norm: "rms", gatedFeedForward: true, activation: "silu", biases: false } as const;
const bart = {
  normPlacement: "post",
  separatePositions: true,
  reservedPositions: 2,
  activation: "gelu-erf",
  headTransform: false,
  logitsBias: true,
} as const;
const pretrained: Record<string, ModelConfigInput> = {
  BertForSequenceClassification: { family: "bert", ...sizes },
  GPT2ForSequenceClassification: { family: "gpt", ...sizes },
  LlamaForSequenceClassification: { family: "gpt", ...sizes, ...gated, positions: "rotary", tiedEmbeddings: false },
  XLNetForSequenceClassification: { family: "xlnet", ...withoutPositions },
  T5ForSequenceClassification: { family: "t5", ...withoutPositions, numDecoderLayers: 1 },
  BartForSequenceClassification: { family: "encoder-decoder", ...sizes, ...bart },
  T5ForQuestionAnswering: { family: "t5", ...withoutPositions, gatedFeedForward: true, tiedEmbeddings: false },
  BartForQuestionAnswering: { family: "encoder-decoder", ...sizes, ...bart },
};
const unpooled = { heads: { pooler: false, languageModel: true, pair: false } };
const roberta = {
  family: "bert",
  ...sizes,
  ...unpooled,
  paddingToken: 1,
  numTokenTypes: 1,
  normEpsilon: 1e-5,
} as const;
const choosing: Record<string, ModelConfigInput> = {
  BertForMultipleChoice: { family: "bert", ...sizes },
  RobertaForMultipleChoice: roberta,
  DistilBertForMultipleChoice: { family: "bert", ...sizes, ...unpooled, numTokenTypes: 0 },
  ElectraForMultipleChoice: { family: "bert", ...sizes, ...unpooled, embeddingSize: 16 },
  AlbertForMultipleChoice: { family: "bert", ...sizes, embeddingSize: 16, numLayerGroups: 1 },
  XLNetForMultipleChoice: { family: "xlnet", ...withoutPositions },
};
/** The activations of heads without a pooler. */
const activations: Record<string, "relu" | "gelu-erf"> = {
  DistilBertForMultipleChoice: "relu",
  ElectraForMultipleChoice: "gelu-erf",
};
/** With one output. */
const numeric = "RobertaForSequenceClassification";
Object.assign(pretrained, choosing, { [numeric]: roberta });
const names = Object.keys(pretrained);
const labels = ["one", "two", "three"];
const texts = [Int32Array.of(5, 6, 7, 8, 9), Int32Array.of(1, 2), Int32Array.of(60, 1, 33)];
/** Where a decoder begins, and what ends a text. */
const ids: Record<string, { start: number; end: number }> = { T5: { start: 0, end: 1 }, Bart: { start: 2, end: 2 } };
const labelsOf = (name: string) => (name === numeric ? ["value"] : labels);
const idsOf = (name: string) => ids[name.replace(/For.*/, "")];
const rowsOf = (name: string) => {
  const { end } = idsOf(name) ?? {};
  return end === undefined ? texts : texts.map((row) => Int32Array.of(...row, end));
};
const answers = (name: string) => name.endsWith("QuestionAnswering");

/** Of each row. */
function logitsOf(name: string, model: Model, rows = rowsOf(name)): number[][] {
  const logits = answers(name) ? tokenLogits(model, rows) : sequenceLogits(model, rows);
  const values = logits.arraySync() as number[][] | number[][][];
  logits.dispose();
  return values.map((row, index) => (answers(name) ? row.slice(0, rows[index]!.length).flat() : (row as number[])));
}

/** Exports a classifier with random weights, and returns its logits. */
async function exportClassifier(name: string): Promise<number[][]> {
  const config = modelConfigSchema.parse(pretrained[name]);
  const { start: startToken } = idsOf(name) ?? {};
  const begins = startToken === undefined ? {} : { startToken };
  const head: TaskHeadConfig =
    name in choosing
      ? { kind: "multiple-choice", ...(activations[name] && { activation: activations[name] }) }
      : answers(name)
        ? { kind: "question-answering", ...begins }
        : { kind: "sequence-classification", labels: labelsOf(name), ...begins };
  const model = createModel(modelConfigSchema.parse(familyOf(config).withTask(config, head)), {
    weights: { seed: 3 },
  });
  const saved = join(directory, name);
  const groups = { weights: weightEntries(model.parameters) };
  await saveCheckpoint({ directory: saved, step: 0, consumedSamples: 0, model: { ...model.config }, groups });
  const checkpoint = loadCheckpoint(saved);
  await exportHuggingFace(checkpoint, `${saved}-exported`);
  checkpoint.close();
  const logits = logitsOf(name, model);
  model.dispose();
  return logits;
}

describe("classifiers", () => {
  const exported = new Map<string, number[][]>();
  beforeAll(async () => {
    for (const name of names) exported.set(name, await exportClassifier(name));
  });

  it.each(names)("as %s give the same logits after export and import", async (name) => {
    const { config } = await importHuggingFace(
      join(directory, `${name}-exported`),
      join(directory, `${name}-imported`),
    );
    if (answers(name)) expect(config.task).toMatchObject({ kind: "question-answering" });
    else if (name in choosing) expect(config.task).toMatchObject({ kind: "multiple-choice" });
    else expect(config.task).toMatchObject({ kind: "sequence-classification", labels: labelsOf(name) });
    const { model, checkpoint } = loadModel(join(directory, `${name}-imported`));
    checkpoint.close();
    expect(logitsOf(name, model)).toEqual(exported.get(name));
    const alone = rowsOf(name).flatMap((row) => logitsOf(name, model, [row]));
    const together = exported.get(name)!.flat();
    for (const [index, value] of alone.flat().entries()) expect(value).toBeCloseTo(together[index]!, 5);
    model.dispose();
  });

  it.skipIf(process.env.PEER_PYTHON === undefined)("give the logits of transformers", () => {
    const script = fileURLToPath(new URL("../../../fixtures/tasks/classify.py", import.meta.url));
    const directories = names.map((name) => join(directory, `${name}-exported`));
    const input = JSON.stringify(names.map((name) => rowsOf(name).map((row) => [...row])));
    const { status, stdout, stderr } = spawnSync(process.env.PEER_PYTHON!, [script, ...directories], {
      input,
      encoding: "utf8",
    });
    expect(status, stderr).toBe(0);
    const found = JSON.parse(stdout) as { model: string; labels: string[]; problem: string; logits: number[][] }[];
    expect(found.map(({ model }) => model)).toEqual(names);
    for (const [index, name] of names.entries()) {
      if (/Sequence/.test(name)) {
        expect(found[index]!.labels).toEqual(labelsOf(name));
        expect(found[index]!.problem).toBe(name === numeric ? "regression" : "single_label_classification");
      }
      const own = exported.get(name)!.flat();
      expect(found[index]!.logits.flat()).toHaveLength(own.length);
      const digits = idsOf(name) ? 5 : 6;
      for (const [place, value] of found[index]!.logits.flat().entries()) expect(own[place]).toBeCloseTo(value, digits);
    }
  });
});
