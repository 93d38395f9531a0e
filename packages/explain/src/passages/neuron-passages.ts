/** The passages of training data that make a neuron most active, in words: where they are, and how active it is at each token. */
import { type Dataset, openDataset } from "@megatron-ts/data";
import type { Tokenizer } from "@megatron-ts/tokenizer";
import type { TextModel } from "../encode-text.ts";
import { type ActivePassage, type TopPassagesOptions, topPassages } from "../neurons/top-passages.ts";
import type { NeuronPassage, NeuronPassages } from "../reports.ts";
import { checkTokenizer } from "./training-passages.ts";

/** Options of `findNeuronPassages`. */
export interface FindNeuronPassagesOptions extends Omit<TopPassagesOptions, "documents"> {
  /** Called with the share of the passages that have been read, 0..1. */
  onProgress?: (fraction: number) => void;
}

/** Passages that the model reads, of all datasets together. */
const PASSAGES = 512;

/**
 * Reads passages that are spread over what was trained on (the split "train", or all of files without splits), and lets other work
 * of the thread in between. The engine must be started. Throws a DataError for data that cannot be read, and an ExplainError for data
 * of another tokenizer and for a neuron that the model does not have.
 * @param prefixes datasets as `prepareDataset` wrote them
 */
export async function findNeuronPassages(
  { model, tokenizer }: TextModel,
  prefixes: readonly string[],
  { topK = 5, passages = PASSAGES, onProgress = () => {}, ...options }: FindNeuronPassagesOptions,
): Promise<NeuronPassages> {
  const found: NeuronPassage[] = [];
  for (const [number, prefix] of prefixes.entries()) {
    const dataset = await openDataset(prefix, { verify: false });
    try {
      checkTokenizer(dataset, tokenizer);
      const documents = dataset.documentsOf(dataset.sidecar ? "train" : "all");
      const share = Math.ceil(passages / prefixes.length);
      const search = topPassages(model, dataset, { ...options, documents, topK, passages: share });
      let step = search.next();
      for (; !step.done; step = search.next()) {
        onProgress((number + step.value) / prefixes.length);
        await new Promise((resolve) => setImmediate(resolve));
      }
      found.push(...step.value.map((passage) => shown(passage, dataset, tokenizer)));
    } finally {
      dataset.close();
    }
  }
  const activation = ({ tokens, peak }: NeuronPassage) => tokens[peak]!.activation;
  found.sort((a, b) => activation(b) - activation(a));
  return { layer: options.layer, neuron: options.neuron, passages: found.slice(0, topK) };
}

function shown(
  { document, offset, tokens, activations, peak }: ActivePassage,
  { prefix }: Dataset,
  tokenizer: Tokenizer,
): NeuronPassage {
  const decoder = tokenizer.createDecoder();
  const texts = tokens.map((id) => decoder.push(id));
  texts[texts.length - 1] += decoder.flush();
  return {
    data: prefix,
    document,
    offset,
    text: tokenizer.decode(tokens),
    tokens: tokens.map((id, index) => ({ id, text: texts[index]!, activation: activations[index]! })),
    peak,
  };
}
