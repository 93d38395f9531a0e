/** The fields that every family's configuration has, the kinds of values they take, and the checks they share. */
import { createLayout, type LayoutConfig, LayoutError, layoutSchema } from "@megatron-ts/attention";
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
  /** Sparse self-attention: which keys a token sees. Cross-attention sees everything. Default: dense. */
  attention: layoutSchema.optional(),
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
  attention?: LayoutConfig | undefined;
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

/** Whether all layers see everything, as far as `attention` says. */
export const isDense = ({ attention }: { attention?: LayoutConfig | undefined }): boolean =>
  !attention || attention.layout === "dense" || (attention.layers?.every((name) => name === "dense") ?? false);

interface AttentionFields {
  attention?: LayoutConfig | undefined;
  attentionWindow?: number | null;
  maxPositions?: number;
}

/** Adds an issue for a layout that does not fit its options or the model's length, in self-attention of these kinds. */
export const checkAttention =
  (...kinds: ("causal" | "bidirectional")[]) =>
  (
    { attention, attentionWindow = null, maxPositions = Number.POSITIVE_INFINITY }: AttentionFields,
    context: z.RefinementCtx,
  ): void => {
    if (!attention) return;
    const addIssue = (message: string) => context.addIssue({ code: "custom", path: ["attention"], message });
    if (attentionWindow !== null) addIssue("expected either this or attentionWindow, not both");
    for (const kind of kinds) {
      try {
        createLayout(attention, { causal: kind === "causal", length: maxPositions });
      } catch (error) {
        if (!(error instanceof LayoutError)) throw error;
        addIssue(error.message);
        return;
      }
    }
  };
