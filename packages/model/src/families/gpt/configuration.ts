/** The configuration of decoder-only models: GPT-2, Megatron's GPT and, with rotary positions, RMS norm and gating, Llama. */
import * as z from "zod";
import { activation, checkHeads, rate, sharedFields, size } from "../../configuration-fields.ts";
import { rotaryScalingSchema } from "../../layers/rotary-scaling.ts";

/** The schema of a decoder-only model. */
export const gptConfigSchema = z
  .strictObject({
    family: z.literal("gpt"),
    ...sharedFields,
    /** The longest sequence; learned positions have an embedding for each. */
    maxPositions: size,
    /** Dropout of embeddings; default: as of the branches. */
    embeddingDropout: rate.optional(),
    activation: activation.default("gelu-tanh"),
    /** A gated feed-forward layer: a second, activated projection multiplies the first (SwiGLU with silu). */
    gatedFeedForward: z.boolean().default(false),
    positions: z.enum(["learned", "rotary"]).default("learned"),
    rotaryTheta: z.number().positive().default(10_000),
    /** How rotary positions are stretched to longer texts. Default: not at all. */
    rotaryScaling: rotaryScalingSchema.optional(),
    norm: z.enum(["layer", "rms"]).default("layer"),
    normEpsilon: z.number().positive().default(1e-5),
    /** Whether the projections have biases. */
    biases: z.boolean().default(true),
    /** Whether those of attention have biases. Default: as `biases`. */
    attentionBiases: z.boolean().optional(),
    /** Heads of keys and values, each shared by a group of query heads; default: as many as query heads. */
    numKeyValueHeads: size.optional(),
    /** Default: hiddenSize / numHeads. */
    headSize: size.optional(),
    /** The head shares the token embedding. */
    tiedEmbeddings: z.boolean().default(true),
  })
  .superRefine(checkHeads);

/** A configuration with its defaults filled in. */
export type GptConfig = z.output<typeof gptConfigSchema>;
/** A configuration as it is written: fields with defaults may be left out. */
export type GptConfigInput = z.input<typeof gptConfigSchema>;
