/** What explanations and searches for passages are: JSON values. Knows no tensors and no files, so that a page can show them. */

/** An output of the model: a token or a label. */
export interface ExplainedOutput {
  /** Token id or number of the label. */
  index: number;
  text: string;
  /** 0..1 */
  probability: number;
}

/** What a layer predicts at the position of the output. */
export interface ExplainedLayer {
  layer: string;
  /** The likeliest token after, or at, each token of the text. */
  likeliest: ExplainedOutput[];
  /** The probability of the target at each token of the text. */
  target: number[];
}

/** Attributions to the tokens, and how well they add up. */
export interface IntegratedGradients {
  /** For each token, how much it adds to the score. */
  attributions: number[];
  /** The score, a log-probability, of the text and of the baseline, whose embeddings are zeros. */
  score: number;
  baselineScore: number;
  steps: number;
  /** |sum of the attributions - (score - baselineScore)| / |score - baselineScore|. */
  completenessError: number;
}

/** The heads of a layer. */
export interface LayerHeads {
  /** The layer's name in the model, such as `layers.3.attention`. */
  layer: string;
  /** For each head the derivative of the output's log-probability; its size is the head's importance. */
  heads: number[];
}

/** A neuron: its layer and its number in it, both from 0. */
export interface NeuronName {
  layer: number;
  neuron: number;
}

/** A neuron and how active it is. */
export interface ActiveNeuron extends NeuronName {
  activation: number;
}

/** The maps of a layer's heads. */
export interface AttentionMap {
  /** The layer's name in the model, such as `layers.3.attention`. */
  layer: string;
  /** The sparse layout by which the layer sees keys, such as "local"; null where it sees all, or all before a query. */
  layout: string | null;
  /** For each head, for each of T queries, the shares of S keys, which add up to 1; 0 for keys that it does not see. */
  heads: number[][][];
}

/** An explanation of one output for one text. */
export interface Explanation {
  text: string;
  tokens: { id: number; text: string }[];
  /** What the model does with the text: continue it, fill its mask, or choose a label. */
  kind: "next-token" | "mask" | "label";
  /** The token at which the output is read; null for labels. */
  position: number | null;
  /** The explained output. */
  target: ExplainedOutput;
  /** The likeliest outputs, best first. */
  outputs: ExplainedOutput[];
  /** How much each token adds to the log-probability of the target, by three methods. */
  attribution: { integratedGradients: IntegratedGradients; gradientTimesInput: number[]; leaveOneOut: number[] };
  /** null where layers share their weights. */
  heads: LayerHeads[] | null;
  /** The most active neurons at `position`, or at the last token of a text with a label. */
  neurons: ActiveNeuron[];
  /** null for labels. */
  lens: ExplainedLayer[] | null;
  /** null if left out. */
  attention: AttentionMap[] | null;
}

/** A place in the data, with its text. */
export interface ShownPassage {
  /** Prefix of the dataset. */
  data: string;
  document: number;
  /** Tokens of the document before it. */
  offset: number;
  text: string;
}

/** What in the data is nearest to a text. */
export interface TrainingPassages {
  text: string;
  /** Tokens of the text. */
  tokens: number;
  /** Every run of as many tokens that the text and the data share is found; of shorter ones some. */
  complete: number;
  /** The longest runs of tokens that both have, longest first, each with what is around it in the data. */
  spans: (ShownPassage & { start: number; length: number; before: string; after: string })[];
  /** The passages that have the most of the text's n-grams, most similar first; `similarity` is 0..1. */
  passages: (ShownPassage & { similarity: number })[];
}

/** A passage with the activation of a neuron at each of its tokens. */
export interface NeuronPassage extends ShownPassage {
  /** What each token adds to the text: a character of several tokens comes with the last of them. */
  tokens: { id: number; text: string; activation: number }[];
  /** The token with the highest activation. */
  peak: number;
}

/** The passages of the data that make a neuron most active, highest first. */
export interface NeuronPassages extends NeuronName {
  passages: NeuronPassage[];
}
