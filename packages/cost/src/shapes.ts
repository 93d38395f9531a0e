/**
 * A model as plain data, as far as its cost depends on it. Knows no families: whoever defines one describes it in these
 * terms, for example T5 as an encoder's layers over the source and a decoder's, with cross-attention, over the target.
 */

/** Self-attention or cross-attention of one layer. */
export interface AttentionShape {
  numHeads: number;
  /** Numbers per head; `numHeads * headSize` need not be the hidden size. */
  headSize: number;
  /** Heads of keys and values, each shared by a group of query heads. Default: `numHeads`. */
  numKeyValueHeads?: number;
  /** Each token sees only itself and what precedes it. Default: false. */
  causal?: boolean;
  /** Positions that a token sees before and after its own. Default: all of them. */
  window?: { before: number; after: number };
  /** Query-key pairs of all tokens, where a sparse layout has its own; in place of `causal` and `window`. */
  pairs?: number;
  /** Scores compare queries with projected distances too, as in Transformer-XL and XLNet. Default: false. */
  relativePositions?: boolean;
}

/** The feed-forward part of one layer. */
export interface FeedForwardShape {
  feedForwardSize: number;
  /** A third matrix, whose activated product multiplies the first one's (SwiGLU, GEGLU). Default: false. */
  gated?: boolean;
}

/** Layers that are alike. */
export interface LayerShape {
  /** How many of them; models whose layers differ list several groups. */
  numLayers: number;
  /** What they read. In a model of two stacks the encoder's layers read the source. Default: `"target"`. */
  reads?: "source" | "target";
  attention: AttentionShape;
  /** Attention to the encoder's output. */
  crossAttention?: AttentionShape;
  feedForward: FeedForwardShape;
}

/** A transformer: groups of layers and a language-model head. */
export interface ModelShape {
  hiddenSize: number;
  vocabularySize: number;
  layers: readonly LayerShape[];
  /** Dense layers of [hiddenSize, hiddenSize] before the logits, such as BERT's transform. Default: 0. */
  headLayers?: number;
}

/** Tokens of one sample. */
export interface SampleLengths {
  /** Tokens of the sample, or of its target in a model of two stacks. */
  sequenceLength: number;
  /** Tokens that the encoder of a model of two stacks reads. */
  sourceLength?: number;
  /** Positions whose logits are computed, such as the masked ones. Default: `sequenceLength`. */
  predictedTokens?: number;
  /** Rows of a second stream that attends to the tokens without being attended to (XLNet). Default: 0. */
  queryStreamLength?: number;
  /** Earlier tokens whose states are attended to as well (Transformer-XL's memory). Default: 0. */
  memoryLength?: number;
}

/**
 * A plain decoder-only transformer (GPT) by its usual letters: learned positions, a head tied to the token embedding.
 */
export interface TransformerShape {
  /** L */
  numLayers: number;
  /** h */
  hiddenSize: number;
  /** s: tokens per sample, and rows of the position table. */
  sequenceLength: number;
  /** V */
  vocabularySize: number;
  /** f. Default: 4h. */
  feedForwardSize?: number;
}

/** Describes a plain transformer as a {@link ModelShape}. The number of heads does not change its cost. */
export function describeTransformer({
  numLayers,
  hiddenSize,
  vocabularySize,
  feedForwardSize,
}: TransformerShape): ModelShape {
  return {
    hiddenSize,
    vocabularySize,
    layers: [
      {
        numLayers,
        attention: { numHeads: 1, headSize: hiddenSize, causal: true },
        feedForward: { feedForwardSize: feedForwardSize ?? 4 * hiddenSize },
      },
    ],
  };
}
