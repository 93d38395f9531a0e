// Parameter counts by formula, without building anything. A matrix counts with its bias; tied weights count once.
import { feedForwardSizeOf, type TransformerShape } from "./transformer-shape.ts";

/** Self-attention (4h^2 + 4h), MLP (2hf + f + h) and two norms (4h); 12h^2 + 13h for f = 4h. */
export const layerParameters = (shape: TransformerShape): number => {
  const h = shape.hiddenSize;
  const f = feedForwardSizeOf(shape);
  return 4 * h * h + 4 * h + (2 * h * f + f + h) + 4 * h;
};

/** L(12h^2 + 13h) + 2h + (V + s)h: layers, final norm, token and position embeddings, output tied to the former. */
export const gptParameters = (shape: TransformerShape): number =>
  shape.numLayers * layerParameters(shape) +
  2 * shape.hiddenSize +
  (shape.vocabularySize + shape.sequenceLength) * shape.hiddenSize;

export type BertParts = {
  /** Rows of the segment table: 2 for BERT, 1 for RoBERTa. */
  tokenTypes?: number;
  /** h^2 + h over the first token. */
  pooler?: boolean;
  /** h^2 + 3h + V: dense, norm, bias of the tied logits. */
  languageModelHead?: boolean;
  /** 2h + 2: next sentence or sentence order. */
  binaryHead?: boolean;
};

/**
 * An encoder of BERT's kind. The one norm outside of the layers is BERT's embedding norm or Megatron's final norm.
 * `shape.sequenceLength` is the number of rows in the position table (514 for RoBERTa).
 */
export const bertParameters = (shape: TransformerShape, parts: BertParts = {}): number => {
  const { tokenTypes = 2, pooler = true, languageModelHead = false, binaryHead = false } = parts;
  const h = shape.hiddenSize;
  return (
    gptParameters(shape) +
    tokenTypes * h +
    (pooler ? h * h + h : 0) +
    (languageModelHead ? h * h + 3 * h + shape.vocabularySize : 0) +
    (binaryHead ? 2 * h + 2 : 0)
  );
};
