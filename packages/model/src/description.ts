/**
 * A model in plain numbers, from which its layers are listed and its FLOPs are counted. The terms are those of the
 * package `cost`, which this package does not import.
 */
import type { LayoutConfig } from "@megatron-ts/attention";

/** Self-attention or cross-attention of one layer. */
export interface AttentionDescription {
  numHeads: number;
  headSize: number;
  /** Heads of keys and values. */
  numKeyValueHeads: number;
  /** Whether a token sees only itself and earlier ones. */
  causal: boolean;
  /** Positions that a token sees before and after its own; absent for all. */
  window?: { before: number; after: number };
  /** Whether scores compare queries with projected distances too (Transformer-XL, XLNet). */
  relativePositions: boolean;
}

/** Equal layers. */
export interface LayerDescription {
  numLayers: number;
  /** Whether they read the source, as an encoder's layers do in an encoder-decoder, or the text itself. */
  reads: "source" | "target";
  attention: AttentionDescription;
  /** Attention to the encoder's states. */
  crossAttention?: AttentionDescription;
  feedForward: { feedForwardSize: number; gated: boolean };
}

/** A transformer: groups of layers and a language-model head. */
export interface ModelDescription {
  hiddenSize: number;
  vocabularySize: number;
  layers: readonly LayerDescription[];
  /** Dense layers [h, h] before the logits. */
  headLayers: number;
}

/** The fields of a configuration that its layers depend on. */
interface LayerFields {
  numLayers: number;
  hiddenSize: number;
  numHeads: number;
  headSize?: number;
  numKeyValueHeads?: number;
  feedForwardSize?: number;
  gatedFeedForward?: boolean;
  attention?: LayoutConfig | undefined;
}

interface OwnFields extends Partial<Pick<AttentionDescription, "relativePositions" | "window">> {
  causal: boolean;
  numLayers?: number;
  reads?: "source" | "target";
  crossAttention?: boolean;
}

/** A sliding window that all layers have; other layouts count as dense. */
function windowOf(attention: LayoutConfig | undefined, causal: boolean): AttentionDescription["window"] {
  if (attention?.layout !== "local" || attention.layers) return undefined;
  const { window = causal ? 256 : 512 } = attention;
  if (typeof window === "object") return undefined;
  const half = Math.floor(window / 2);
  return causal ? { before: window - 1, after: 0 } : { before: half, after: half };
}

/** Layers of a configuration; the second argument is what its family adds. */
export function describeLayers(
  config: LayerFields,
  {
    causal,
    window = windowOf(config.attention, causal),
    relativePositions = false,
    numLayers = config.numLayers,
    reads = "target",
    ...own
  }: OwnFields,
): LayerDescription {
  const { hiddenSize, numHeads, numKeyValueHeads = numHeads, headSize = hiddenSize / numHeads } = config;
  const { feedForwardSize = 4 * hiddenSize, gatedFeedForward: gated = false } = config;
  const attention = { numHeads, headSize, numKeyValueHeads, causal, ...(window && { window }), relativePositions };
  const { crossAttention = false } = own;
  return {
    numLayers,
    reads,
    attention,
    ...(crossAttention && {
      crossAttention: { numHeads, headSize, numKeyValueHeads, causal: false, relativePositions: false },
    }),
    feedForward: { feedForwardSize, gated },
  };
}
