/** The neurons that are most active at one token of a text. */
import type { Model } from "@megatron-ts/model";
import type { ActiveNeuron } from "../reports.ts";
import { neuronActivations } from "./neurons.ts";

/**
 * The neurons of all layers with the largest activations, by size, at a token of the text.
 * @param options.position the token; default: the last
 * @param options.topK how many
 */
export function strongestNeurons(
  model: Model,
  tokens: readonly number[],
  { position = tokens.length - 1, topK = 5 }: { position?: number; topK?: number } = {},
): ActiveNeuron[] {
  const all = neuronActivations(model, [tokens]).flatMap(({ size, values }, layer) =>
    Array.from({ length: size }, (_, neuron) => ({ layer, neuron, activation: values[position * size + neuron]! })),
  );
  return all.sort((a, b) => Math.abs(b.activation) - Math.abs(a.activation)).slice(0, topK);
}
