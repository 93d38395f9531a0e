/** The passages of a model's training data that make one of its neurons most active. */
import { openDataset } from "@megatron-ts/data";
import { type ActivePassage, topPassages } from "@megatron-ts/explain";
import type { NeuronOption } from "../options/neuron-option.ts";
import type { Terminal } from "../terminal/terminal.ts";
import type { TrainedModel } from "../trained-model.ts";

/** A passage with its text and the token at which the neuron is most active. */
export interface NeuronPassage {
  data: string;
  document: number;
  offset: number;
  text: string;
  /** The token with the highest activation, and that activation. */
  peak: string;
  activation: number;
  activations: number[];
}

/** Reads passages that are spread over the train split of the first dataset. Throws what opening it and `topPassages` throw. */
export async function findNeuronPassages(
  { model, tokenizer }: TrainedModel,
  { prefix, neuron, topK }: { prefix: string; neuron: NeuronOption; topK: number },
  terminal: Terminal,
): Promise<NeuronPassage[]> {
  const dataset = await openDataset(prefix, { verify: false });
  const progress = terminal.progress("reading");
  try {
    const documents = dataset.documentsOf(dataset.sidecar ? "train" : "all");
    const name = { layer: neuron.layer - 1, neuron: neuron.neuron - 1 };
    const search = topPassages(model, dataset, { documents, topK, ...name });
    let step = search.next();
    for (; !step.done; step = search.next()) {
      progress.update(step.value, "");
      // Lets the event loop handle signals.
      await new Promise((resolve) => setImmediate(resolve));
    }
    return step.value.map(({ document, offset, tokens, activations, peak }: ActivePassage) => ({
      data: dataset.prefix,
      document,
      offset,
      text: tokenizer.decode(tokens),
      peak: tokenizer.decode([tokens[peak]!]),
      activation: activations[peak]!,
      activations,
    }));
  } finally {
    progress.stop();
    dataset.close();
  }
}

/** Lines for the terminal. Texts of the data are quoted, so that no control character of theirs is printed. */
export function* describeNeuron({ layer, neuron }: NeuronOption, found: readonly NeuronPassage[]): Generator<string> {
  yield `Neuron ${neuron} of layer ${layer} is most active in:`;
  for (const { data, document, offset, text, peak, activation } of found) {
    const place = `${data}, document ${document}, token ${offset}`;
    yield `  ${activation.toFixed(2).padStart(7)} at ${JSON.stringify(peak)}, ${place}: ${JSON.stringify(text)}`;
  }
}
