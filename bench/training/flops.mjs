/** Operations of a training step per token. */

/** Forward and backward: two operations a weight and pass, and half of the scores of attention, which is causal. */
export const flopsPerToken = ({ numLayers, hiddenSize: h, vocabularySize }, sequenceLength) =>
  6 * (12 * numLayers * h * h + h * vocabularySize + numLayers * sequenceLength * h);
