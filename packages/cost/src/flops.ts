/**
 * Floating point operations of training: the matrix products, two operations per multiply-add (Narayanan et al. 2021,
 * "Efficient Large-Scale Language Model Training on GPU Clusters", appendix). Norms, softmax and other element-wise
 * work do not count, nor do pooling and classification heads, which see one token per sample.
 */
import type { AttentionShape, FeedForwardShape, LayerShape, ModelShape, SampleLengths } from "./shapes.ts";

/** How to count. */
export interface FlopsOptions {
  /**
   * Which scores count: `"full"`, as the papers do, every key for every query, or as many as the window is wide;
   * `"visible"`, only pairs that the mask lets through (half of them in causal attention). Default: `"full"`.
   */
  attention?: "full" | "visible";
  /** What the backward pass computes again: nothing, scores and their product with the values, or whole layers. */
  recompute?: "none" | "selective" | "full";
}

/** Operations of one training step, by what they are for. */
export interface Flops {
  forward: number;
  /** Twice the forward pass: one product for the inputs' gradients, one for the weights'. */
  backward: number;
  recompute: number;
  /** forward + backward: the work that the model needs, whatever the machine does. Model FLOP/s count this. */
  model: number;
  /** model + recompute: the work that the machine does. Megatron's published TF/s count this, with full recompute. */
  hardware: number;
}

/** Forward operations of a linear layer for one token: 2 * inputs * outputs. */
function linearFlops(inputs: number, outputs: number): number {
  return 2 * inputs * outputs;
}

/** Forward operations of a feed-forward part for one token: two matrices, three if gated. */
export function feedForwardFlops(hiddenSize: number, { feedForwardSize, gated = false }: FeedForwardShape): number {
  return (gated ? 3 : 2) * linearFlops(hiddenSize, feedForwardSize);
}

/**
 * Forward operations of the four projections of attention: queries and outputs for each of `queries` tokens, keys and
 * values for each of `keys`.
 */
export function projectionFlops(
  hiddenSize: number,
  attention: AttentionShape,
  { queries, keys }: { queries: number; keys: number },
): number {
  const { numHeads, headSize, numKeyValueHeads = numHeads } = attention;
  return (
    2 * queries * linearFlops(hiddenSize, numHeads * headSize) +
    2 * keys * linearFlops(hiddenSize, numKeyValueHeads * headSize)
  );
}

/**
 * Forward operations of scores and of their product with the values, for a number of query-key pairs: 4 * heads * head
 * size each. Relative positions add a product per pair; projecting the distances, once for a whole batch, is left out.
 */
export function scoreFlops({ numHeads, headSize, relativePositions = false }: AttentionShape, pairs: number): number {
  return (relativePositions ? 6 : 4) * numHeads * headSize * pairs;
}

/** Query-key pairs that a mask lets through when `length` tokens attend to each other. */
export function visiblePairs(
  length: number,
  { causal = false, window }: Pick<AttentionShape, "causal" | "window">,
): number {
  const limit = Math.max(length - 1, 0);
  const before = Math.min(window?.before ?? limit, limit);
  const after = causal ? 0 : Math.min(window?.after ?? limit, limit);
  // Each side would give `length * reach` pairs; the ends of the sequence cut a triangle off it.
  const side = (reach: number) => length * reach - (reach * (reach + 1)) / 2;
  return length + side(before) + side(after);
}

/** Pairs by the papers' convention: every query counts the same number of keys. */
function countedPairs(
  attention: AttentionShape,
  { queries, keys, length }: { queries: number; keys: number; length: number },
  convention: "full" | "visible",
): number {
  if (convention === "visible" || attention.pairs !== undefined) {
    const own = attention.pairs ?? visiblePairs(length, attention);
    // A row of a query stream sees as much as the average token does; memory is seen by all rows.
    return own + ((queries - length) * own) / length + queries * (keys - length);
  }
  const { window } = attention;
  return queries * (window ? Math.min(keys, window.before + 1 + window.after) : keys);
}

/**
 * Counts the operations of one training step for one sample.
 * @throws RangeError where layers read a source whose length is not given
 */
export function flopsPerSample(model: ModelShape, lengths: SampleLengths, options: FlopsOptions = {}): Flops {
  const { attention: convention = "full", recompute = "none" } = options;
  const { hiddenSize, vocabularySize, headLayers = 0 } = model;
  const { sequenceLength, predictedTokens = sequenceLength } = lengths;
  const layers = model.layers.map((layer) => {
    const { products, scores } = layerFlops(layer, { hiddenSize, lengths, convention });
    return { products: layer.numLayers * products, scores: layer.numLayers * scores };
  });
  const products = sum(layers.map((layer) => layer.products));
  const scores = sum(layers.map((layer) => layer.scores));
  const head = headLayers * linearFlops(hiddenSize, hiddenSize) + linearFlops(hiddenSize, vocabularySize);
  const forward = products + scores + predictedTokens * head;
  const again = { none: 0, selective: scores, full: products + scores }[recompute];
  return { forward, backward: 2 * forward, recompute: again, model: 3 * forward, hardware: 3 * forward + again };
}

/**
 * {@link flopsPerSample} divided by the sample's tokens, its source's included.
 *
 * For a GPT with full attention and no recompute, `model` = 72 L h^2 (1 + s/(6h) + V/(12 L h)); with full recompute,
 * `hardware` = 96 L h^2 (1 + s/(6h) + V/(16 L h)).
 * @throws RangeError where layers read a source whose length is not given
 */
export function flopsPerToken(model: ModelShape, lengths: SampleLengths, options: FlopsOptions = {}): Flops {
  const tokens = lengths.sequenceLength + (lengths.sourceLength ?? 0);
  const { forward, recompute } = flopsPerSample(model, lengths, options);
  const each = forward / tokens;
  const again = recompute / tokens;
  return { forward: each, backward: 2 * each, recompute: again, model: 3 * each, hardware: 3 * each + again };
}

interface LayerOptions {
  hiddenSize: number;
  lengths: SampleLengths;
  convention: "full" | "visible";
}

/** One layer's forward operations for a sample. */
function layerFlops(layer: LayerShape, { hiddenSize, lengths, convention }: LayerOptions) {
  const { attention, crossAttention, feedForward, reads = "target" } = layer;
  const length = reads === "source" ? sourceLengthOf(lengths) : lengths.sequenceLength;
  const queries = length + (reads === "target" ? (lengths.queryStreamLength ?? 0) : 0);
  const keys = length + (reads === "target" ? (lengths.memoryLength ?? 0) : 0);
  let products =
    projectionFlops(hiddenSize, attention, { queries, keys }) + queries * feedForwardFlops(hiddenSize, feedForward);
  let scores = scoreFlops(attention, countedPairs(attention, { queries, keys, length }, convention));
  if (crossAttention) {
    const source = sourceLengthOf(lengths);
    products += projectionFlops(hiddenSize, crossAttention, { queries, keys: source });
    scores += scoreFlops(crossAttention, queries * source);
  }
  return { products, scores };
}

function sourceLengthOf({ sourceLength }: SampleLengths): number {
  if (sourceLength === undefined) throw new RangeError("a model with an encoder and a decoder needs a sourceLength");
  return sourceLength;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
