/** Rotary positions in config.json, as transformers 4 (`rope_theta`, `rope_scaling`) and 5 (`rope_parameters`) write them. */
import * as z from "zod";
import { fieldError, readFields } from "../../../hugging-face/config-json.ts";
import type { RotaryScaling } from "../../../layers/rotary-scaling.ts";
import type { GptConfig } from "../configuration.ts";

const parameters = z.record(z.string(), z.unknown()).nullish();

/** The fields about rotary positions. */
export const rotaryFields = {
  rope_theta: z.number().positive().default(10_000),
  rope_scaling: parameters,
  rope_parameters: parameters,
};

const common = {
  rope_type: z.string().optional(),
  type: z.string().optional(),
  rope_theta: z.number().positive().optional(),
};
const factor = z.number().positive();
const originalLength = z.int().positive().optional();

/** The parameters of each type. */
const typeFields = {
  default: {},
  linear: { factor },
  llama3: {
    factor,
    low_freq_factor: factor,
    high_freq_factor: factor,
    original_max_position_embeddings: originalLength,
  },
  yarn: {
    factor,
    original_max_position_embeddings: originalLength,
    attention_factor: z.number().nonnegative().nullish(),
    beta_fast: z.number().nonnegative().nullish(),
    beta_slow: z.number().nonnegative().nullish(),
    mscale: z.number().nonnegative().nullish(),
    mscale_all_dim: z.number().nonnegative().nullish(),
    truncate: z.boolean().default(true),
  },
};

interface Read extends z.output<z.ZodObject<typeof rotaryFields>> {
  max_position_embeddings: number;
}

/** The base of the angles and how they are scaled. `rope_scaling` replaces `rope_parameters`, which replace `rope_theta`. */
export function readRotary(read: Read): Pick<GptConfig, "rotaryTheta" | "rotaryScaling"> {
  const isScaled = Object.keys(read.rope_scaling ?? {}).length > 0;
  const field = isScaled ? "rope_scaling" : "rope_parameters";
  const json = read[field] ?? {};
  const {
    rope_type: newType,
    type: oldType,
    rope_theta: theta = read.rope_theta,
  } = readFields(json, common, { within: field });
  const type = newType ?? oldType ?? "default";
  if (!Object.hasOwn(typeFields, type)) {
    throw fieldError(`${field}.rope_type`, `expected one of ${Object.keys(typeFields).join(", ")}; got "${type}"`);
  }
  const fields = { ...common, ...typeFields[type as keyof typeof typeFields] };
  const unknown = Object.keys(json).find((key) => !Object.hasOwn(fields, key));
  if (unknown !== undefined) throw fieldError(`${field}.${unknown}`, `not supported with the type ${type}`);
  const scaling = readScaling(type, json, { within: field, maxPositions: read.max_position_embeddings });
  return { rotaryTheta: theta, ...(scaling && { rotaryScaling: scaling }) };
}

function readScaling(
  type: string,
  json: Record<string, unknown>,
  { within, maxPositions }: { within: string; maxPositions: number },
): RotaryScaling | null {
  if (type === "linear") return { type, ...readFields(json, typeFields.linear, { within }) };
  if (type === "llama3") {
    const read = readFields(json, typeFields.llama3, { within });
    return {
      type,
      factor: read.factor,
      lowFrequencyFactor: read.low_freq_factor,
      highFrequencyFactor: read.high_freq_factor,
      originalMaxPositions: read.original_max_position_embeddings ?? maxPositions,
    };
  }
  if (type !== "yarn") return null;
  const read = readFields(json, typeFields.yarn, { within });
  const { factor, mscale, mscale_all_dim: mscaleAll } = read;
  const growth = (scale: number) => (factor <= 1 ? 1 : 0.1 * scale * Math.log(factor) + 1);
  return {
    type,
    factor,
    originalMaxPositions: read.original_max_position_embeddings ?? maxPositions,
    betaFast: read.beta_fast || 32,
    betaSlow: read.beta_slow || 1,
    truncate: read.truncate,
    attentionFactor: read.attention_factor ?? (mscale && mscaleAll ? growth(mscale) / growth(mscaleAll) : growth(1)),
  };
}

/** The fields for transformers 4 and 5. */
export function writeRotary({ rotaryTheta, rotaryScaling: scaling }: GptConfig): Record<string, unknown> {
  const written = { rope_theta: rotaryTheta, ...(scaling ? writeScaling(scaling) : { rope_type: "default" }) };
  return { rope_theta: rotaryTheta, ...(scaling && { rope_scaling: written }), rope_parameters: written };
}

function writeScaling(scaling: RotaryScaling): Record<string, unknown> {
  const { type, factor } = scaling;
  if (type === "linear") return { rope_type: type, factor };
  const shared = { rope_type: type, factor, original_max_position_embeddings: scaling.originalMaxPositions };
  if (type === "llama3") {
    return { ...shared, low_freq_factor: scaling.lowFrequencyFactor, high_freq_factor: scaling.highFrequencyFactor };
  }
  const { betaFast, betaSlow, truncate, attentionFactor } = scaling;
  return { ...shared, beta_fast: betaFast, beta_slow: betaSlow, truncate, attention_factor: attentionFactor };
}
