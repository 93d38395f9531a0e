/** The passages of a model's training data that make one of its neurons most active, in the terminal. */
import type { ActiveNeuron, Explanation } from "@megatron-ts/explain";
import type { NeuronPassages } from "@megatron-ts/explain/passages";
import type { NeuronOption } from "../options/neuron-option.ts";
import type { Terminal } from "../terminal/terminal.ts";
import type { TrainedModel } from "../trained-model.ts";

/** The neuron that was asked for, numbered from 0; true is the most active one of a text. */
export const neuronAskedFor = (neuron: true | NeuronOption, { neurons }: Pick<Explanation, "neurons">) =>
  neuron === true ? (neurons[0] as ActiveNeuron) : { layer: neuron.layer - 1, neuron: neuron.neuron - 1 };

/** Reads passages that are spread over the data. Throws what `findNeuronPassages` throws. */
export async function readNeuronPassages(
  trained: TrainedModel,
  { prefixes, layer, neuron, topK }: { prefixes: readonly string[]; layer: number; neuron: number; topK: number },
  terminal: Terminal,
): Promise<NeuronPassages> {
  const { findNeuronPassages } = await import("@megatron-ts/explain/passages");
  const progress = terminal.progress("reading");
  const onProgress = (share: number) => progress.update(share, "");
  return findNeuronPassages(trained, prefixes, { layer, neuron, topK, onProgress }).finally(() => progress.stop());
}

/** Lines for the terminal. Texts of the data are quoted, so that no control character of theirs is printed. */
export function* describeNeuron({ layer, neuron, passages }: NeuronPassages): Generator<string> {
  yield `Neuron ${neuron + 1} of layer ${layer + 1} is most active in:`;
  for (const { data, document, offset, tokens, peak } of passages) {
    const { text, activation } = tokens[peak]!;
    yield `  ${activation.toFixed(2).padStart(7)} at ${JSON.stringify(text)}, ${data}, document ${document}, token ${offset}:`;
    yield `          ${tokens.map((token) => `${JSON.stringify(token.text)} ${token.activation.toFixed(2)}`).join("  ")}`;
  }
}
