/** The fields that every family's configuration has, the kinds of values they take, and the checks they share. */
import * as z from "zod";
import type { TaskHeadConfig } from "./heads/configuration.ts";

/** A positive integer. */
export const size = z.int().positive();
/** More layers than any model has: a limit for configurations from elsewhere, since each layer takes memory to describe. */
export const maxLayers = 10_000;
/** A number of layers. */
export const layerCount = size.max(maxLayers);
/** A dropout rate. */
export const rate = z.number().min(0).lt(1);
/** An activation function. */
export const activation = z.enum(["gelu-tanh", "gelu-erf", "relu", "squared-relu", "silu"]);

/** Spread into the schema of each family. */
export const sharedFields = {
  numLayers: layerCount,
  hiddenSize: size,
  numHeads: size,
  /** Width of the feed-forward layer; default: four times the hidden size. */
  feedForwardSize: size.optional(),
  vocabularySize: size,
  /** Dropout of embeddings and of the branches of a block. */
  dropout: rate.default(0.1),
  attentionDropout: rate.default(0.1),
  /** Standard deviation of initial weights. */
  initializerRange: z.number().positive().default(0.02),
};

/** What the configurations of all families have in common, with its defaults filled in. */
export interface BaseConfig {
  family: string;
  numLayers: number;
  hiddenSize: number;
  numHeads: number;
  feedForwardSize?: number | undefined;
  vocabularySize: number;
  dropout: number;
  attentionDropout: number;
  /** The longest sequence, in families with absolute positions. */
  maxPositions?: number | undefined;
  /** In families that can be fine-tuned for a task. */
  task?: TaskHeadConfig | undefined;
}

/** The fields of a configuration that say how attention is cut into heads. */
interface HeadFields {
  hiddenSize: number;
  numHeads: number;
  headSize?: number;
  numKeyValueHeads?: number;
}

/** Adds an issue for heads that do not divide what they are cut from. For `superRefine`. */
export function checkHeads(config: HeadFields, context: z.RefinementCtx): void {
  const { hiddenSize, numHeads, headSize, numKeyValueHeads = numHeads } = config;
  const addIssue = (path: string, message: string) => context.addIssue({ code: "custom", path: [path], message });
  if (headSize === undefined && hiddenSize % numHeads !== 0) {
    addIssue("hiddenSize", `${hiddenSize} is not divisible by numHeads (${numHeads})`);
  }
  if (numHeads % numKeyValueHeads !== 0) {
    addIssue("numKeyValueHeads", `${numKeyValueHeads} does not divide numHeads (${numHeads})`);
  }
}
