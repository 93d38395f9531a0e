/** What a model is made of, as data. Every field has one meaning in every family that has it. */
import { z } from "zod";

const size = z.int().positive();
const rate = z.number().min(0).lt(1);

/** Decoder-only: GPT-2 and Megatron's GPT. */
export const gptConfigSchema = z.strictObject({
  family: z.literal("gpt"),
  numLayers: size,
  hiddenSize: size,
  numHeads: size,
  /** Width of the feed-forward layer; four times the hidden size unless given. */
  feedForwardSize: size.optional(),
  vocabularySize: size,
  /** Positions that have an embedding: the longest sequence. */
  maxPositions: size,
  /** Dropout of embeddings and of both branches of a block. */
  dropout: rate.default(0.1),
  attentionDropout: rate.default(0.1),
  activation: z.enum(["gelu-tanh", "gelu-erf", "relu", "silu"]).default("gelu-tanh"),
  layerNormEpsilon: z.number().positive().default(1e-5),
  /** Standard deviation of initial weights. */
  initializerRange: z.number().positive().default(0.02),
  /** The head shares the token embedding. */
  tiedEmbeddings: z.boolean().default(true),
});

/** Every family, told apart by `family`. */
export const modelConfigSchema = z.discriminatedUnion("family", [gptConfigSchema]).superRefine((config, context) => {
  if (config.hiddenSize % config.numHeads !== 0) {
    context.addIssue({
      code: "custom",
      path: ["hiddenSize"],
      message: `${config.hiddenSize} is not divisible by numHeads (${config.numHeads})`,
    });
  }
});

export type GptConfig = z.output<typeof gptConfigSchema>;
export type ModelConfig = z.output<typeof modelConfigSchema>;
/** A configuration as it is written: fields with defaults may be left out. */
export type ModelConfigInput = z.input<typeof modelConfigSchema>;
