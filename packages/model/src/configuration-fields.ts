/** The fields that every family's configuration has, and the kinds of values that they take. */
import * as z from "zod";

export const size = z.int().positive();
export const rate = z.number().min(0).lt(1);
export const activation = z.enum(["gelu-tanh", "gelu-erf", "relu", "silu"]);

export const sharedFields = {
  numLayers: size,
  hiddenSize: size,
  numHeads: size,
  /** Width of the feed-forward layer; four times the hidden size unless given. */
  feedForwardSize: size.optional(),
  vocabularySize: size,
  /** Dropout of embeddings and of the branches of a block. */
  dropout: rate.default(0.1),
  attentionDropout: rate.default(0.1),
  /** Standard deviation of initial weights. */
  initializerRange: z.number().positive().default(0.02),
};
