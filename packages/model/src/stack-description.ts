/** The stacks of blocks of a model in plain numbers: what its layers are listed and its FLOPs are counted from. */

/** One stack of equal blocks. */
export interface StackDescription {
  name: "encoder" | "decoder";
  numLayers: number;
  hiddenSize: number;
  numHeads: number;
  headSize: number;
  /** Heads of keys and values. */
  numKeyValueHeads: number;
  feedForwardSize: number;
  /** Whether the feed-forward layer has a second projection that gates the first. */
  gatedFeedForward: boolean;
  /** Whether a token sees only itself and earlier ones. */
  causal: boolean;
  /** Tokens that a token sees, itself included; null for all. */
  window: number | null;
  /** Whether its blocks also attend to the encoder's states. */
  crossAttention: boolean;
  /** Whether attention projects sinusoids of distances as well (Transformer-XL, XLNet). */
  relativeDistances: boolean;
}

/** The fields that all families describe a stack by. */
interface StackFields {
  numLayers: number;
  hiddenSize: number;
  numHeads: number;
  headSize?: number;
  numKeyValueHeads?: number;
  feedForwardSize?: number;
  gatedFeedForward?: boolean;
}

/** A stack of a configuration; `own` is what its family adds. */
export function describeStack(
  config: StackFields,
  own: Pick<StackDescription, "name" | "causal"> & Partial<StackDescription>,
): StackDescription {
  const { numLayers, hiddenSize, numHeads, gatedFeedForward = false } = config;
  return {
    numLayers,
    hiddenSize,
    numHeads,
    headSize: config.headSize ?? hiddenSize / numHeads,
    numKeyValueHeads: config.numKeyValueHeads ?? numHeads,
    feedForwardSize: config.feedForwardSize ?? 4 * hiddenSize,
    gatedFeedForward,
    window: null,
    crossAttention: false,
    relativeDistances: false,
    ...own,
  };
}
