/** A draft is loaded with its weights, and refused where it could not propose tokens to the model. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { saveCheckpoint, weightEntries } from "@megatron-ts/checkpoint";
import { start } from "@megatron-ts/engine";
import { createModel, type Model } from "@megatron-ts/model";
import { createTokenizer, formatTokenizerJson, type Tokenizer, trainBpe } from "@megatron-ts/tokenizer";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { loadDraft } from "./load-draft.ts";

const directory = mkdtempSync(join(tmpdir(), "megatron-draft-"));
const path = (name: string) => join(directory, name);
let model: Model;
let tokenizer: Tokenizer;
let other: Tokenizer;

beforeAll(async () => {
  await start({ backend: process.env.MEGATRON_BACKEND ?? "wasm" });
  const json = await trainBpe(["the whale and the sea"], { vocabularySize: 270 });
  tokenizer = await createTokenizer(json);
  other = await createTokenizer(await trainBpe(["the old man"], { vocabularySize: 264 }));
  const { vocabularySize } = tokenizer;
  model = createModel(
    { family: "gpt", numLayers: 1, hiddenSize: 16, numHeads: 2, maxPositions: 16, vocabularySize },
    { weights: { seed: 1 } },
  );
  const save = (name: string, extraFiles: Record<string, Uint8Array>) =>
    saveCheckpoint({
      ...{ directory: path(name), step: 0, consumedSamples: 0, model: { ...model.config }, extraFiles },
      groups: { weights: weightEntries(model.parameters) },
    });
  await save("draft", { "tokenizer.json": new TextEncoder().encode(formatTokenizerJson(json)) });
  await save("bare", {});
});
afterAll(() => {
  model.dispose();
  rmSync(directory, { recursive: true, force: true });
});

describe("loadDraft", () => {
  it("loads the weights", async () => {
    const draft = await loadDraft(path("draft"), { tokenizer });
    const weight = "layers.0.feedForward.output.weight";
    const [own, saved] = [draft, model].map(({ parameters }) => parameters.get(weight)!.tensor.dataSync());
    expect(own).toEqual(saved);
    draft.dispose();
  });

  it("refuses one of another tokenizer, and one without", async () => {
    const refused = (name: string) =>
      expect.objectContaining({ name: "TaskError", message: expect.stringContaining(path(name)) });
    await expect(loadDraft(path("draft"), { tokenizer: other })).rejects.toEqual(refused("draft"));
    await expect(loadDraft(path("bare"), { tokenizer })).rejects.toEqual(refused("bare"));
  });
});
