/** The configuration of encoder-decoders: Megatron's or BERT's blocks in both stacks, shared embeddings, a tied head. */
import * as z from "zod";
import {
  activation,
  checkAttention,
  checkHeads,
  layerCount,
  rate,
  sharedFields,
  size,
} from "../../configuration-fields.ts";
import { taskHeadSchema } from "../../heads/configuration.ts";

/** The schema of an encoder-decoder. */
export const encoderDecoderConfigSchema = z
  .strictObject({
    family: z.literal("encoder-decoder"),
    ...sharedFields,
    /** Layers of the decoder. Default: `numLayers`, those of the encoder. */
    numDecoderLayers: layerCount.optional(),
    /** The longest sequence of either stack. */
    maxPositions: size,
    /** Each stack has position embeddings of its own and, after the embeddings, a norm of its own (BART). */
    separatePositions: z.boolean().default(false),
    /** Rows of the position embeddings before that of the first token (BART: 2). */
    reservedPositions: z.int().nonnegative().default(0),
    /** Multiplies the token embeddings where they enter a stack (BART: sqrt(hiddenSize) or 1). */
    embeddingScale: z.number().positive().default(1),
    /** Dropout inside the feed-forward layers. Default: none, or `dropout` with `relativeDistances`. */
    innerDropout: rate.optional(),
    /** A bias of the logits where the head has no transform (BART's `final_logits_bias`). */
    logitsBias: z.boolean().default(false),
    /** Rows of the token type (segment) embedding; 0 for none. */
    numTokenTypes: z.int().nonnegative().default(0),
    activation: activation.default("gelu-tanh"),
    /** "pre": Megatron's blocks and a norm after each stack. "post": BERT's blocks and a norm after the embeddings. */
    normPlacement: z.enum(["pre", "post"]).default("pre"),
    normEpsilon: z.number().positive().default(1e-5),
    /**
     * Sparse local attention in both stacks: a token of the encoder sees half of the window on either side and itself, one
     * of the decoder the last `attentionWindow` tokens, itself included. Cross-attention sees everything.
     */
    attentionWindow: size.nullable().default(null),
    /**
     * XLNet's self-attention over distances and segments (`tokenTypes`) instead of position and token type embeddings.
     * Needs normPlacement "post".
     */
    relativeDistances: z.boolean().default(false),
    /** BERT's language-model head: dense layer, activation and norm before the tied projection, and a bias after it. */
    headTransform: z.boolean().default(false),
    /** Activation of that head. Default: `activation`. */
    headActivation: activation.optional(),
    /** A pooler and a head on the encoder that classifies pairs of segments. */
    pairHead: z.boolean().default(false),
    /** A head to fine-tune, on the states of the decoder. */
    task: taskHeadSchema.optional(),
  })
  .refine(({ relativeDistances, normPlacement }) => !relativeDistances || normPlacement === "post", {
    path: ["normPlacement"],
    message: 'must be "post" with relativeDistances',
  })
  .refine(({ relativeDistances, numTokenTypes }) => !relativeDistances || numTokenTypes === 0, {
    path: ["numTokenTypes"],
    message: "must be 0 with relativeDistances, which encode segments themselves",
  })
  .refine(({ separatePositions, relativeDistances }) => !separatePositions || !relativeDistances, {
    path: ["separatePositions"],
    message: "must be false with relativeDistances, which have no position embeddings",
  })
  .refine(({ logitsBias, headTransform }) => !logitsBias || !headTransform, {
    path: ["logitsBias"],
    message: "must be false with headTransform, which has a bias",
  })
  .superRefine(checkHeads)
  .superRefine(checkAttention("bidirectional", "causal"));

/** A configuration with its defaults filled in. */
export type EncoderDecoderConfig = z.output<typeof encoderDecoderConfigSchema>;
/** A configuration as it is written: fields with defaults may be left out. */
export type EncoderDecoderConfigInput = z.input<typeof encoderDecoderConfigSchema>;
