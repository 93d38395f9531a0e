/**
 * The configuration of decoder-only models: GPT-2 and Megatron's GPT; with rotary positions, RMS norm and gating, Llama and
 * the models after it, each of which is a setting of these fields.
 */
import * as z from "zod";
import { activation, checkAttention, checkHeads, rate, sharedFields, size } from "../../configuration-fields.ts";
import { taskHeadSchema } from "../../heads/configuration.ts";
import { rotaryScalingSchema } from "../../layers/rotary-scaling.ts";
import { checkLayers, checkRotary } from "./configuration-checks.ts";

/** Layers, counted from 0. */
const layerIndices = z.array(z.int().nonnegative());

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
    /** Embedded, by rotating queries and keys, or by biases in proportion to distances ("alibi", Press et al. 2022). */
    positions: z.enum(["learned", "rotary", "alibi"]).default("learned"),
    rotaryTheta: z.number().positive().default(10_000),
    /** How rotary positions are stretched to longer texts, in layers without a window if those have a base of their own. */
    rotaryScaling: rotaryScalingSchema.optional(),
    /** The part of each head that is rotated (Phi-4-mini). */
    rotaryFraction: z.number().positive().max(1).default(1),
    /** Layers whose queries and keys are not rotated (SmolLM3). Needs rotary positions. */
    layersWithoutRotary: layerIndices.default([]),
    norm: z.enum(["layer", "rms"]).default("layer"),
    normEpsilon: z.number().positive().default(1e-5),
    /** The weights of norms are stored minus one, as in Gemma and Megatron's apply_layernorm_1p. */
    zeroCenteredNorms: z.boolean().default(false),
    /** A second norm in each branch, behind it, before it is added (Gemma 2). */
    outputNorms: z.boolean().default(false),
    /** Norms of the queries and keys of each head, before rotary positions (Henry et al. 2020; Qwen3). */
    queryKeyNorm: z.boolean().default(false),
    /** Whether the projections have biases. */
    biases: z.boolean().default(true),
    /** Whether those of attention have biases. Default: as `biases`. */
    attentionBiases: z.boolean().optional(),
    /** Whether the output projection of attention has one. Default: as `attentionBiases`. */
    attentionOutputBias: z.boolean().optional(),
    /** Heads of keys and values, each shared by a group of query heads; default: as many as query heads. */
    numKeyValueHeads: size.optional(),
    /** Default: hiddenSize / numHeads. */
    headSize: size.optional(),
    /** Factor of the attention scores. Default: 1 / sqrt(headSize). */
    attentionScale: z.number().positive().optional(),
    /** A trained logit in each head that takes its share of the softmax: attention to nothing (gpt-oss). */
    attentionSinks: z.boolean().default(false),
    /** Keeps attention scores s within this cap c, as c tanh(s / c) (Gemma 2). Default: no cap. */
    attentionCap: z.number().positive().optional(),
    /** How many tokens a token sees, itself included (sliding window). Default: all earlier ones. */
    attentionWindow: size.nullable().default(null),
    /** Layers that see all tokens in spite of `attentionWindow` (Gemma 2 and 3). */
    layersWithoutWindow: layerIndices.default([]),
    /** The base of rotary positions in layers with a window (Gemma 3). Default: `rotaryTheta`. */
    windowRotaryTheta: z.number().positive().optional(),
    /** Rows of a table that adds an embedding of each token with the one before it, by a hash of the two. Default: no table. */
    pairEmbeddings: size.min(2).optional(),
    /** Whether a learned share of the embedding of the token before is added to each token's. */
    tokenShift: z.boolean().default(false),
    /** A norm behind the embeddings (BLOOM). */
    embeddingNorm: z.boolean().default(false),
    /** Each block reads a learned mix of the stream and of the first embeddings: a shortcut to every depth. */
    embeddingShortcut: z.boolean().default(false),
    /** Layers that add an embedding of each token, of their own, to its values (Zhou et al. 2024). */
    layersWithValueEmbeddings: layerIndices.default([]),
    /** Multiplies the token embeddings where they enter the model (Gemma: sqrt(hiddenSize)). */
    embeddingScale: z.number().positive().default(1),
    /** Keeps logits within this cap, as `attentionCap` does for scores (Gemma 2). Default: no cap. */
    logitsCap: z.number().positive().optional(),
    /** Whether the output projections of branches, and a head of its own, start from zero: each block from the identity. */
    zeroInitializedOutputs: z.boolean().default(false),
    /** The head shares the token embedding. */
    tiedEmbeddings: z.boolean().default(true),
    /** A head to fine-tune, without biases and by default without dropout, as GPT-2's classifier has it. */
    task: taskHeadSchema.optional(),
  })
  .superRefine(checkHeads)
  .superRefine(checkAttention("causal"))
  .superRefine(checkLayers)
  .superRefine(checkRotary)
  .refine(({ positions, attentionSinks }) => positions !== "alibi" || !attentionSinks, {
    path: ["attentionSinks"],
    message: 'expected false with the positions "alibi"',
  });

/** A configuration with its defaults filled in. */
export type GptConfig = z.output<typeof gptConfigSchema>;
/** A configuration as it is written: fields with defaults may be left out. */
export type GptConfigInput = z.input<typeof gptConfigSchema>;
