// The numbers of a transformer that its cost depends on.

export type TransformerShape = {
  /** L */
  numLayers: number;
  /** h */
  hiddenSize: number;
  /** s: tokens a sample, which is also the number of positions in the table. */
  sequenceLength: number;
  /** V */
  vocabularySize: number;
  /** f; 4h where left out. */
  feedForwardSize?: number;
};

export const feedForwardSizeOf = (shape: TransformerShape): number => shape.feedForwardSize ?? 4 * shape.hiddenSize;
