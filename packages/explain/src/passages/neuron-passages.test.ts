/** Passages of prepared data that make a neuron most active, compared with the activations of each document read by itself. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { prepareDataset } from "@megatron-ts/data";
import { start } from "@megatron-ts/engine";
import { createModel } from "@megatron-ts/model";
import { createTokenizer, trainBpe } from "@megatron-ts/tokenizer";
import { saveTokenizer } from "@megatron-ts/tokenizer/files";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { neuronActivations } from "../neurons/neurons.ts";
import { findNeuronPassages } from "./neuron-passages.ts";

const directory = mkdtempSync(join(tmpdir(), "megatron-neurons-"));
const path = (name: string) => join(directory, name);
beforeAll(() => start({ backend: process.env.MEGATRON_BACKEND ?? "wasm" }));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const documents = {
  letters: ["the whale was calm", "a white sea", "the naïve old man", "never mind how long"],
  poems: ["sail about a little", "the old ship and the white whale"],
};

describe("findNeuronPassages", () => {
  it("gives the highest of all datasets first, with the activation of each token and where it is", async () => {
    const json = await trainBpe(Object.values(documents).flat(), { vocabularySize: 290, specialTokens: ["</s>"] });
    await saveTokenizer(json, path("tok"));
    const tokenizer = await createTokenizer(json);
    const { vocabularySize } = tokenizer;
    const shape = { numLayers: 2, hiddenSize: 16, numHeads: 2, maxPositions: 64, initializerRange: 0.5 };
    const model = createModel({ family: "gpt", ...shape, vocabularySize }, { weights: { seed: 1 } });
    const prefixes: string[] = [];
    for (const [name, texts] of Object.entries(documents)) {
      writeFileSync(path(`${name}.jsonl`), texts.map((text) => JSON.stringify({ text })).join("\n"));
      const options = { inputs: [path(`${name}.jsonl`)], tokenizerPath: path("tok"), workers: 0 };
      prefixes.push((await prepareDataset({ ...options, output: path(name), split: [1] })).prefix);
    }
    const named = { layer: 1, neuron: 7, length: 6 };
    const activationsOf = (ids: readonly number[]) => {
      const { size, values } = neuronActivations(model, [ids])[1]!;
      return ids.map((_, token) => values[token * size + 7]!);
    };
    const { passages, ...rest } = await findNeuronPassages({ model, tokenizer }, prefixes, { ...named, topK: 6 });
    expect(rest).toEqual({ layer: 1, neuron: 7 });
    expect(new Set(passages.map(({ data }) => data))).toEqual(new Set(prefixes));
    const texts = passages.map(({ data, document }) => Object.values(documents)[prefixes.indexOf(data)]![document]!);
    expect(passages).toHaveLength(6);
    for (const [index, { offset, text, tokens, peak }] of passages.entries()) {
      const whole = Array.from(tokenizer.encode(`${texts[index]}</s>`));
      expect(tokens.map(({ id }) => id)).toEqual(whole.slice(offset, offset + tokens.length));
      expect(tokens.map((token) => token.text).join("")).toBe(text);
      expect(text).toBe(tokenizer.decode(tokens.map(({ id }) => id)));
      const expected = activationsOf(tokens.map(({ id }) => id));
      for (const [token, { activation }] of tokens.entries()) expect(activation).toBeCloseTo(expected[token]!, 4);
      expect(peak).toBe(
        tokens.findIndex(({ activation }) => activation === Math.max(...tokens.map((one) => one.activation))),
      );
    }
    const highest = passages.map(({ tokens, peak }) => tokens[peak]!.activation);
    expect(highest).toEqual(highest.toSorted((a, b) => b - a));
    const [first] = (await findNeuronPassages({ model, tokenizer }, prefixes, { ...named, topK: 1 })).passages;
    expect(first).toEqual(passages[0]);

    const refused = expect.objectContaining({ name: "ExplainError", userError: true });
    const other = await createTokenizer(await trainBpe(["another"], { vocabularySize: 270 }));
    await expect(findNeuronPassages({ model, tokenizer: other }, prefixes, named)).rejects.toEqual(refused);
    await expect(findNeuronPassages({ model, tokenizer }, prefixes, { layer: 2, neuron: 0 })).rejects.toEqual(refused);
    model.dispose();
  });
});
