/** The configuration of T5: by default the original (ReLU, tied head); also version 1.1 (gated GELU, untied head). */
import * as z from "zod";
import { activation, checkAttention, checkHeads, layerCount, sharedFields, size } from "../../configuration-fields.ts";
import { taskHeadSchema } from "../../heads/configuration.ts";

const { initializerRange: _, ...fields } = sharedFields;

/** The schema of a T5. */
export const t5ConfigSchema = z
  .strictObject({
    family: z.literal("t5"),
    ...fields,
    /** Layers of the decoder. Default: `numLayers`, those of the encoder. */
    numDecoderLayers: layerCount.optional(),
    /** Default: hiddenSize / numHeads. */
    headSize: size.optional(),
    activation: activation.default("relu"),
    /** A gated feed-forward layer, as in version 1.1. */
    gatedFeedForward: z.boolean().default(false),
    normEpsilon: z.number().positive().default(1e-6),
    /** Buckets of relative positions, and the distance beyond which all share one. */
    relativeBuckets: z.int().min(4).default(32),
    relativeMaxDistance: size.default(128),
    /** The head shares the token embedding. */
    tiedEmbeddings: z.boolean().default(true),
    /** The head scales its inputs by hiddenSize^-1/2. Default: if the embeddings are tied. */
    scaledOutputs: z.boolean().optional(),
    /** Factor of the initial standard deviations, of which T5 has one for each kind of weight. */
    initializerFactor: z.number().positive().default(1),
    /** A head to fine-tune, on the states of the decoder. */
    task: taskHeadSchema.optional(),
  })
  .superRefine(checkHeads)
  .superRefine(checkAttention("bidirectional", "causal"));

/** A configuration with its defaults filled in. */
export type T5Config = z.output<typeof t5ConfigSchema>;
/** A configuration as it is written: fields with defaults may be left out. */
export type T5ConfigInput = z.input<typeof t5ConfigSchema>;
