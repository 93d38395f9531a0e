/** The option that names a neuron. */
import { InvalidArgumentError } from "commander";

/** A neuron as users name it: layer and number, both from 1. */
export interface NeuronOption {
  layer: number;
  neuron: number;
}

/** Parses "3:17", the neuron 17 of layer 3. */
export function neuronOption(text: string): NeuronOption {
  const [, layer, neuron] = /^([1-9]\d{0,8}):([1-9]\d{0,8})$/.exec(text) ?? [];
  if (layer !== undefined) return { layer: Number(layer), neuron: Number(neuron) };
  throw new InvalidArgumentError("Expected a layer and a neuron, both from 1, such as 3:17.");
}
