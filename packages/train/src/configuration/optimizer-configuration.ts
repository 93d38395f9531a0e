/** The optimizers as a recipe configures them, by `name`. Rates are the peaks of the schedule. */
import * as z from "zod";

const rate = z.number().gt(0);
const share = z.number().min(0).lt(1);

const ratesSchema = z.strictObject({
  /** Of tokens, positions and the like; a tied head is the token embedding. */
  embeddings: rate.optional(),
  /** An untied head, or that of a task. */
  head: rate.optional(),
  /** Norms, biases and other vectors. */
  scalars: rate.optional(),
});

const adamWFields = {
  beta1: share.default(0.9),
  beta2: share.default(0.999),
  epsilon: z.number().gt(0).default(1e-8),
  /** Decoupled weight decay; not applied to biases and norms. */
  weightDecay: z.number().min(0).default(0.01),
  /** False for the Adam that BERT was trained with, which does not correct the bias of the moments. */
  biasCorrection: z.boolean().default(true),
  /** Rates of groups of weights. Default: `learningRate` for all. */
  rates: ratesSchema.optional(),
};

const adamWSchema = z.strictObject({ name: z.literal("adamw"), learningRate: rate, ...adamWFields });

const muonSchema = z.strictObject({
  name: z.literal("muon"),
  /** Of the matrices. */
  learningRate: rate,
  momentum: share.default(0.95),
  /** Raises the momentum linearly from `start` over the first `steps`. */
  momentumWarmup: z
    .strictObject({ start: share.default(0.85), steps: z.int().min(1).default(300) })
    .nullable()
    .default(null),
  nesterov: z.boolean().default(true),
  /** Decoupled weight decay of the matrices. */
  weightDecay: z.number().min(0).default(0.1),
  /** "learning-rate" also scales weight decay by the schedule: it is multiplied by the rate anyway, so twice. */
  weightDecaySchedule: z.enum(["constant", "learning-rate"]).default("constant"),
  /** Decay only where the update shrinks the weight. */
  cautious: z.boolean().default(false),
  /** How the rate depends on a matrix's shape: the `adjust_lr_fn` of PyTorch's Muon. */
  adjustment: z.enum(["original", "match-rms-adamw", "spectral-unclamped"]).default("original"),
  /** The least norm that a matrix is divided by. */
  epsilon: z.number().gt(0).default(1e-7),
  /** What Newton-Schulz rounds to where the processor multiplies bf16. */
  precision: z.enum(["f32", "bf16"]).default("bf16"),
  /** For embeddings, head, norms and biases. */
  adamw: z.strictObject({ learningRate: rate, ...adamWFields }),
});

/** The optimizers, by `name`. */
export const optimizerConfigSchema = z.discriminatedUnion("name", [adamWSchema, muonSchema]);
