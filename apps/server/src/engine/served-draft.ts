/** The draft of speculative decoding that a model is served with. */

/** A draft to serve a model with. */
export interface ServedDraft {
  /** A checkpoint, or a run directory. */
  checkpoint: string;
  /** Tokens that it proposes at a time. Default: that of `SpeculationOptions`. */
  tokens?: number;
}
