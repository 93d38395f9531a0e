/** Activations against gradients of the weights that they are multiplied with, and the passages with the highest ones against reading everything. */
import { start } from "@megatron-ts/engine";
import { createModel, type Model, type ModelConfigInput } from "@megatron-ts/model";
import { vjp } from "@megatron-ts/ops";
import * as tf from "@tensorflow/tfjs";
import { beforeAll, describe, expect, it } from "vitest";
import { createReading, strongestNeurons, topPassages } from "../index.ts";
import { type LayerActivations, neuronActivations } from "./neurons.ts";

const size = { numLayers: 2, hiddenSize: 16, numHeads: 2, maxPositions: 16, vocabularySize: 40, initializerRange: 0.5 };
const configs: ModelConfigInput[] = [
  { family: "gpt", ...size },
  { family: "gpt", ...size, gatedFeedForward: true, activation: "silu" },
  { family: "bert", ...size },
];
const models: Model[] = [];
beforeAll(async () => {
  await start({ backend: process.env.MEGATRON_BACKEND ?? "wasm" });
  for (const config of configs) models.push(createModel(config, { weights: { seed: 1 } }));
});

const stream = Array.from({ length: 200 }, (_, index) => (index * index + 3 * index) % 37);
const starts = [0, 50, 57, 57, 200];
const source = {
  documents: 4,
  tokens: 200,
  firstSequenceOf: (document: number) => document,
  startOf: (sequence: number) => starts[sequence]!,
  readStream: (from: number, target: Int32Array) => target.set(stream.slice(from, from + target.length)),
};

function passagesOf(model: Model, options: Parameters<typeof topPassages>[2]) {
  const search = topPassages(model, source, options);
  let step = search.next();
  while (!step.done) step = search.next();
  return step.value;
}

describe("neurons", () => {
  it("are what the second projection multiplies, by its gradient: that of the bias times each neuron", () => {
    for (const model of models.slice(0, 2)) {
      const [{ size, values }] = neuronActivations(model, [[7]]).slice(-1) as [LayerActivations];
      const part = (name: string) => model.parameters.get(`layers.1.feedForward.output.${name}`)!.tensor;
      const reading = createReading(model, [7]);
      const score = () => tf.slice(reading.read(), [0, 3], [1, 1]);
      const { outputs, pullback } = vjp(score, [], { parameters: [part("weight"), part("bias")] });
      const [weight, bias] = pullback([tf.onesLike(outputs[0]!)]).parameters.map((gradient) => gradient!.dataSync());
      expect(size).toBe(64);
      for (const [output, gradient] of bias!.entries()) {
        for (let neuron = 0; neuron < size; neuron++) {
          expect(weight![output * size + neuron]).toBeCloseTo(gradient * values[neuron]!, 5);
        }
      }
    }
  });

  it("that are strongest at a token are those of the activations, of every layer", () => {
    for (const model of models) {
      const tokens = stream.slice(0, 10);
      const [strongest] = strongestNeurons(model, tokens, { position: 4 });
      const all = neuronActivations(model, [tokens]);
      const highest = Math.max(
        ...all.map(({ size, values }) =>
          Math.max(
            ...Array.from(values)
              .slice(4 * size, 5 * size)
              .map(Math.abs),
          ),
        ),
      );
      expect(Math.abs(strongest!.activation)).toBe(highest);
      expect(all).toHaveLength(2);
    }
  });

  it("have the passages of the data that make them most active, each read alone or with others", () => {
    for (const model of models) {
      const name = { layer: 1, neuron: 5 };
      const found = passagesOf(model, { ...name, topK: 3, length: 8, passages: 1000 });
      const highest: number[] = [];
      const parts = starts.slice(0, -1).flatMap((first, document) => {
        const end = starts[document + 1]!;
        return Array.from({ length: Math.ceil((end - first) / 8) }, (_, part) => [
          first + 8 * part,
          Math.min(first + 8 * (part + 1), end),
        ]);
      });
      for (const [from, to] of parts) {
        const tokens = stream.slice(from, to);
        const { size, values } = neuronActivations(model, [tokens])[1]!;
        highest.push(Math.max(...tokens.map((_, token) => values[token * size + 5]!)));
      }
      highest.sort((a, b) => b - a);
      expect(found).toHaveLength(3);
      for (const [index, { activations, peak, document, offset, tokens }] of found.entries()) {
        expect(activations[peak]).toBeCloseTo(highest[index]!, 4);
        expect(stream.slice(starts[document]! + offset, starts[document]! + offset + tokens.length)).toEqual(tokens);
      }
    }
  });

  it("that a model does not have are refused", () => {
    const refused = expect.objectContaining({ name: "ExplainError", message: expect.stringMatching(/layers|neurons/) });
    expect(() => passagesOf(models[0]!, { layer: 2, neuron: 0 })).toThrow(refused);
    expect(() => passagesOf(models[0]!, { layer: 0, neuron: 64 })).toThrow(refused);
  });
});
