/** What a T5 is made of: the original (ReLU, tied head) unless told, or version 1.1 (gated GELU, a head of its own). */
import * as z from "zod";
import { activation, checkHeads, sharedFields, size } from "../../configuration-fields.ts";

const { initializerRange: _, ...fields } = sharedFields;

export const t5ConfigSchema = z
  .strictObject({
    family: z.literal("t5"),
    ...fields,
    /** Layers of the decoder; as many as the encoder's `numLayers` unless given. */
    numDecoderLayers: size.optional(),
    /** hiddenSize / numHeads unless given. */
    headSize: size.optional(),
    activation: activation.default("relu"),
    /** A second projection is activated and multiplies the first, in version 1.1. */
    gatedFeedForward: z.boolean().default(false),
    normEpsilon: z.number().positive().default(1e-6),
    /** Buckets of relative positions, and the distance from which on they are one. */
    relativeBuckets: z.int().min(4).default(32),
    relativeMaxDistance: size.default(128),
    /** The head shares the token embedding, and states are multiplied by hiddenSize^-1/2 before it. */
    tiedEmbeddings: z.boolean().default(true),
    /** Multiplies the standard deviations of initial weights, which T5 has for each kind of weight. */
    initializerFactor: z.number().positive().default(1),
  })
  .superRefine(checkHeads);

export type T5Config = z.output<typeof t5ConfigSchema>;
/** A configuration as it is written: fields with defaults may be left out. */
export type T5ConfigInput = z.input<typeof t5ConfigSchema>;
