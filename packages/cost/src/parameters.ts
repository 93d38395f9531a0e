/** Parameter counts by formula, without building anything. Every matrix has a bias; tied weights count once. */
import type { TransformerShape } from "./shapes.ts";

/**
 * Counts the parameters of a GPT: L layers of self-attention (4h^2 + 4h), feed-forward (2hf + f + h) and two norms
 * (4h), a final norm (2h), token and position embeddings ((V + s)h) and a head tied to the former. L(12h^2 + 13h) + 2h
 * + (V + s)h for f = 4h (Narayanan et al. 2021, equation 2).
 */
export function transformerParameters(shape: TransformerShape): number {
  const { numLayers, hiddenSize: h, sequenceLength, vocabularySize, feedForwardSize: f = 4 * h } = shape;
  const layer = 4 * h * h + 4 * h + (2 * h * f + f + h) + 4 * h;
  return numLayers * layer + 2 * h + (vocabularySize + sequenceLength) * h;
}
