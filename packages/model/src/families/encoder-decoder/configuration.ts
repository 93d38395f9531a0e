/** What an encoder-decoder is made of: Megatron's blocks or BERT's in both stacks, shared embeddings, a tied head. */
import * as z from "zod";
import { activation, checkHeads, sharedFields, size } from "../../configuration-fields.ts";

export const encoderDecoderConfigSchema = z
  .strictObject({
    family: z.literal("encoder-decoder"),
    ...sharedFields,
    /** Layers of the decoder; as many as the encoder's `numLayers` unless given. */
    numDecoderLayers: size.optional(),
    /** The longest sequence of either stack. */
    maxPositions: size,
    /** Kinds of tokens that have an embedding of their own (the segments of a pair); none unless told. */
    numTokenTypes: z.int().nonnegative().default(0),
    activation: activation.default("gelu-tanh"),
    /** "pre": Megatron's blocks and a norm behind each stack. "post": BERT's blocks and a norm of the embeddings. */
    normPlacement: z.enum(["pre", "post"]).default("pre"),
    normEpsilon: z.number().positive().default(1e-5),
    /**
     * Sparse local attention in both stacks: the encoder's tokens see half of it to either side and themselves, the
     * decoder's the last so many with themselves. Cross-attention sees everything.
     */
    attentionWindow: size.nullable().default(null),
    /**
     * XLNet's self-attention, which is told distances and segments (`tokenTypes`), in place of embeddings of positions and
     * token types. It needs normPlacement "post".
     */
    relativeDistances: z.boolean().default(false),
    /** Dense, activation and norm stand before the tied head, and a bias behind it: BERT's head that predicts tokens. */
    headTransform: z.boolean().default(false),
    /** Of that transform; the model's own unless given. */
    headActivation: activation.optional(),
    /** A pooler and a head behind the encoder that judges pairs of segments. */
    pairHead: z.boolean().default(false),
  })
  .refine(({ relativeDistances, normPlacement }) => !relativeDistances || normPlacement === "post", {
    path: ["normPlacement"],
    message: 'must be "post" with relativeDistances',
  })
  .refine(({ relativeDistances, numTokenTypes }) => !relativeDistances || numTokenTypes === 0, {
    path: ["numTokenTypes"],
    message: "must be 0 with relativeDistances, which tell segments apart themselves",
  })
  .superRefine(checkHeads);

export type EncoderDecoderConfig = z.output<typeof encoderDecoderConfigSchema>;
/** A configuration as it is written: fields with defaults may be left out. */
export type EncoderDecoderConfigInput = z.input<typeof encoderDecoderConfigSchema>;
