/**
 * A model in plain numbers, from which its layers are listed and its FLOPs are counted. The terms are those of the
 * package `cost`, which this package does not import.
 */
import { hasLayout, type LayoutConfig, windowOfLayer } from "@megatron-ts/attention";

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
  /** A layout of sparse attention, which says itself what a token sees; absent where `window` or nothing does. */
  layout?: LayoutConfig;
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

interface OwnFields extends Partial<Pick<AttentionDescription, "relativePositions" | "window" | "layout">> {
  causal: boolean;
  numLayers?: number;
  reads?: "source" | "target";
  crossAttention?: boolean;
}

/** What a layer's layout lets a token see: a plain sliding window is one in the description too. */
function visibleBy(
  attention: LayoutConfig,
  { layer, causal }: { layer: number; causal: boolean },
): Pick<AttentionDescription, "window" | "layout"> {
  if (!hasLayout(attention, layer)) return {};
  if (attention.layout !== "local") return { layout: attention };
  const window = windowOfLayer(attention, layer) ?? (causal ? 256 : 512);
  if (attention.globalTokens?.length) return { layout: { ...attention, window } };
  const half = Math.floor(window / 2);
  return { window: causal ? { before: window - 1, after: 0 } : { before: half, after: half } };
}

/** Layers of a configuration in their order, in groups of neighbours that are equal; the second argument is what its family adds. */
export function describeLayers(config: LayerFields, own: OwnFields): LayerDescription[] {
  const { attention } = config;
  const { numLayers = config.numLayers, causal } = own;
  if (!attention) return [describeGroup(config, own)];
  const groups: { visible: Pick<AttentionDescription, "window" | "layout">; numLayers: number }[] = [];
  for (let layer = 0; layer < numLayers; layer++) {
    const visible = visibleBy(attention, { layer, causal });
    const last = groups.at(-1);
    if (last && JSON.stringify(last.visible) === JSON.stringify(visible)) last.numLayers++;
    else groups.push({ visible, numLayers: 1 });
  }
  return groups.map(({ visible, numLayers }) => describeGroup(config, { ...own, ...visible, numLayers }));
}

function describeGroup(
  config: LayerFields,
  {
    causal,
    window,
    layout,
    relativePositions = false,
    numLayers = config.numLayers,
    reads = "target",
    ...own
  }: OwnFields,
): LayerDescription {
  const { hiddenSize, numHeads, numKeyValueHeads = numHeads, headSize = hiddenSize / numHeads } = config;
  const { feedForwardSize = 4 * hiddenSize, gatedFeedForward: gated = false } = config;
  const attention = {
    numHeads,
    headSize,
    numKeyValueHeads,
    causal,
    ...(window && { window }),
    ...(layout && { layout }),
    relativePositions,
  };
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
