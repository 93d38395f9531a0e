/** What an encoder-decoder is made of: Megatron's blocks or BERT's in both stacks, shared embeddings, a tied head. */
import { z } from "zod";
import { activation, sharedFields, size } from "./configuration-fields.ts";

export const encoderDecoderConfigSchema = z.strictObject({
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
  /** A pooler and a head behind the encoder that judges pairs of segments. */
  pairHead: z.boolean().default(false),
});

export type EncoderDecoderConfig = z.output<typeof encoderDecoderConfigSchema>;
