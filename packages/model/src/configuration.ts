/** What a model is made of, as data. Every field has one meaning in every family that has it. */
import * as z from "zod";
import { activation, sharedFields, size } from "./configuration-fields.ts";
import { bertConfigSchema } from "./families/bert/configuration.ts";
import { encoderDecoderConfigSchema } from "./families/encoder-decoder/configuration.ts";
import { t5ConfigSchema } from "./families/t5/configuration.ts";
import { xlnetConfigSchema } from "./families/xlnet/configuration.ts";

/** Decoder-only: GPT-2, Megatron's GPT, and with rotary positions, RMS norm and a gated feed-forward Llama. */
export const gptConfigSchema = z.strictObject({
  family: z.literal("gpt"),
  ...sharedFields,
  /** The longest sequence; learned positions have an embedding for each. */
  maxPositions: size,
  activation: activation.default("gelu-tanh"),
  /** A second projection is activated and multiplies the first (SwiGLU with silu). */
  gatedFeedForward: z.boolean().default(false),
  positions: z.enum(["learned", "rotary"]).default("learned"),
  rotaryTheta: z.number().positive().default(10_000),
  norm: z.enum(["layer", "rms"]).default("layer"),
  normEpsilon: z.number().positive().default(1e-5),
  /** Biases of the projections. */
  biases: z.boolean().default(true),
  /** Heads of keys and values, each shared by a group of query heads; as many as query heads unless given. */
  numKeyValueHeads: size.optional(),
  /** hiddenSize / numHeads unless given. */
  headSize: size.optional(),
  /** The head shares the token embedding. */
  tiedEmbeddings: z.boolean().default(true),
});

/** The schema of each family. */
export const familySchemas = [
  gptConfigSchema,
  bertConfigSchema,
  encoderDecoderConfigSchema,
  t5ConfigSchema,
  xlnetConfigSchema,
] as const;

/** Every family, told apart by `family`. */
export const modelConfigSchema = z.discriminatedUnion("family", familySchemas).superRefine((config, context) => {
  const { hiddenSize, numHeads } = config;
  const heads = "numKeyValueHeads" in config ? (config.numKeyValueHeads ?? numHeads) : numHeads;
  const complain = (path: string, message: string) => context.addIssue({ code: "custom", path: [path], message });
  if (!("headSize" in config && config.headSize) && hiddenSize % numHeads !== 0) {
    complain("hiddenSize", `${hiddenSize} is not divisible by numHeads (${numHeads})`);
  }
  if (numHeads % heads !== 0) complain("numKeyValueHeads", `${heads} does not divide numHeads (${numHeads})`);
});

export type GptConfig = z.output<typeof gptConfigSchema>;
export type ModelConfig = z.output<typeof modelConfigSchema>;
/** A configuration as it is written: fields with defaults may be left out. */
export type ModelConfigInput = z.input<typeof modelConfigSchema>;
