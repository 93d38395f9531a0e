/** Rotary positions in config.json, as transformers 4 (`rope_theta`, `rope_scaling`) and 5 (`rope_parameters`) write them. */
import * as z from "zod";
import { fieldError, readFields, show } from "../../../hugging-face/config-json.ts";
import type { RotaryScaling } from "../../../layers/rotary-scaling.ts";
import type { GptConfig } from "../configuration.ts";

const factor = z.number().positive();
const factors = z.array(factor).min(1);
const originalLength = z.int().positive().optional();
const parameters = z.record(z.string(), z.unknown()).nullish();

/** The fields about rotary positions. */
export const rotaryFields = {
  rope_theta: z.number().positive().optional(),
  rope_scaling: parameters,
  rope_parameters: parameters,
  original_max_position_embeddings: originalLength,
};

const common = {
  rope_type: z.string().optional(),
  type: z.string().optional(),
  rope_theta: z.number().positive().optional(),
  partial_rotary_factor: z.number().positive().max(1).optional(),
};

/** The parameters of each type. */
const typeFields = {
  default: {},
  linear: { factor },
  dynamic: { factor },
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
  longrope: {
    short_factor: factors,
    long_factor: factors,
    factor: factor.nullish(),
    original_max_position_embeddings: originalLength,
    attention_factor: z.number().nonnegative().nullish(),
  },
};

type RotaryType = keyof typeof typeFields;
const rotaryTypes = Object.keys(typeFields) as RotaryType[];

/** The fields of config.json about rotary positions, as they were read. */
export interface ReadRotary extends z.output<z.ZodObject<typeof rotaryFields>> {
  max_position_embeddings: number;
  /** The base of layers with a window (Gemma 3). */
  rope_local_base_freq?: number;
  /** In formats that rotate a part of each head (Phi-3). */
  partial_rotary_factor?: number | undefined;
}

/** What a format's rotary positions can be. */
export interface RotaryOptions {
  /** The base where config.json has none. */
  theta: number;
  /** The types that its models have. Default: all. */
  types?: readonly RotaryType[];
  /** Types by other names. */
  typeAliases?: Readonly<Record<string, RotaryType>>;
  /** The length before scaling where config.json has none. Default: that of the model. */
  originalLength?: number;
  /** Whether layers with a window have parameters of their own: `sliding_attention` in `rope_parameters`. */
  windows?: boolean;
}

type RotaryConfig = Pick<GptConfig, "rotaryTheta" | "rotaryScaling"> &
  Partial<Pick<GptConfig, "rotaryFraction" | "windowRotaryTheta" | "maxPositions">>;

/** The base of the angles and how they are scaled. Throws a ModelError. */
export function readRotary(read: ReadRotary, options: RotaryOptions): RotaryConfig {
  if (options.windows) return readByWindow(read, options);
  const isScaled = Object.keys(read.rope_scaling ?? {}).length > 0;
  const within = isScaled ? "rope_scaling" : "rope_parameters";
  // `rope_scaling` replaces `rope_parameters`, which replace `rope_theta`.
  return readParameters(read[within] ?? {}, { within, read, options });
}

/** Gemma 3's: `rope_parameters` by type of layer, of which `rope_scaling` changes those of full attention. */
function readByWindow(read: ReadRotary, options: RotaryOptions): RotaryConfig {
  const nested = readFields(read.rope_parameters ?? {}, byLayerType, { within: "rope_parameters" });
  const unknown = Object.keys(read.rope_parameters ?? {}).find((key) => !Object.hasOwn(byLayerType, key));
  if (unknown !== undefined) throw fieldError(`rope_parameters.${unknown}`, "expected parameters by type of layer");
  const full = { ...(nested.full_attention ?? { rope_type: "default" }), ...read.rope_scaling };
  const near = { rope_theta: read.rope_local_base_freq, ...nested.sliding_attention };
  const within = read.rope_scaling ? "rope_scaling" : "rope_parameters.full_attention";
  const { rotaryTheta: windowRotaryTheta } = readParameters(near, {
    within: "rope_parameters.sliding_attention",
    read,
    options: { ...options, types: ["default"] },
  });
  return { ...readParameters(full, { within, read, options }), windowRotaryTheta };
}

const byLayerType = { full_attention: parameters, sliding_attention: parameters };

function readParameters(
  json: Record<string, unknown>,
  { within, read, options }: { within: string; read: ReadRotary; options: RotaryOptions },
): RotaryConfig {
  const { types = rotaryTypes, typeAliases = {} } = options;
  const {
    rope_type: newType,
    type: oldType,
    rope_theta: theta = read.rope_theta ?? options.theta,
    partial_rotary_factor: fraction = read.partial_rotary_factor,
  } = readFields(json, common, { within });
  const named = newType ?? oldType ?? "default";
  const type = types.find((known) => known === (typeAliases[named] ?? named));
  if (type === undefined) {
    throw fieldError(`${within}.rope_type`, `expected one of ${types.join(", ")}; got ${show(named)}`);
  }
  const { partial_rotary_factor: partial, ...whole } = common;
  const fields = { ...(read.partial_rotary_factor === undefined ? whole : common), ...typeFields[type] };
  const unknown = Object.keys(json).find((key) => !Object.hasOwn(fields, key));
  if (unknown !== undefined) throw fieldError(`${within}.${unknown}`, `not supported with the type ${type}`);
  const scaling = readScaling(type, json, { within, read, options });
  return {
    rotaryTheta: theta,
    ...(scaling && { rotaryScaling: scaling }),
    ...(fraction !== undefined && { rotaryFraction: fraction }),
    ...(scaling?.type === "dynamic" && { maxPositions: dynamicLength(scaling) }),
  };
}

/** How long texts may be with dynamic scaling, which config.json does not say. */
const dynamicLength = ({ factor, originalMaxPositions }: { factor: number; originalMaxPositions: number }) =>
  Math.max(originalMaxPositions, Math.floor(factor * originalMaxPositions));

function readScaling(
  type: RotaryType,
  json: Record<string, unknown>,
  { within, read: beside, options }: { within: string; read: ReadRotary; options: RotaryOptions },
): RotaryScaling | null {
  const { max_position_embeddings: maxPositions } = beside;
  if (type === "default") return null;
  /** The length beside the parameters wins over the one among them. */
  const originalOf = (read: { original_max_position_embeddings?: number | undefined }) =>
    beside.original_max_position_embeddings ??
    options.originalLength ??
    read.original_max_position_embeddings ??
    maxPositions;
  if (type === "linear") return { type, ...readFields(json, typeFields.linear, { within }) };
  if (type === "dynamic") {
    return { type, ...readFields(json, typeFields.dynamic, { within }), originalMaxPositions: maxPositions };
  }
  if (type === "longrope") {
    const read = readFields(json, typeFields.longrope, { within });
    const original = originalOf(read);
    const ratio = read.factor ?? maxPositions / original;
    return {
      type,
      shortFactors: read.short_factor,
      longFactors: read.long_factor,
      originalMaxPositions: original,
      attentionFactor: read.attention_factor ?? (ratio <= 1 ? 1 : Math.sqrt(1 + Math.log(ratio) / Math.log(original))),
    };
  }
  if (type === "llama3") {
    const read = readFields(json, typeFields.llama3, { within });
    return {
      type,
      factor: read.factor,
      lowFrequencyFactor: read.low_freq_factor,
      highFrequencyFactor: read.high_freq_factor,
      originalMaxPositions: originalOf(read),
    };
  }
  const read = readFields(json, typeFields.yarn, { within });
  const { factor, mscale, mscale_all_dim: mscaleAll } = read;
  const growth = (scale: number) => (factor <= 1 ? 1 : 0.1 * scale * Math.log(factor) + 1);
  return {
    type,
    factor,
    originalMaxPositions: originalOf(read),
    betaFast: read.beta_fast || 32,
    betaSlow: read.beta_slow || 1,
    truncate: read.truncate,
    attentionFactor: read.attention_factor ?? (mscale && mscaleAll ? growth(mscale) / growth(mscaleAll) : growth(1)),
  };
}

/** The fields for transformers 4 and 5. */
export function writeRotary(config: GptConfig, { windows = false }: RotaryOptions): Record<string, unknown> {
  const { rotaryTheta, rotaryScaling: scaling, windowRotaryTheta = rotaryTheta } = config;
  const written = { rope_theta: rotaryTheta, ...(scaling ? writeScaling(scaling) : { rope_type: "default" }) };
  const near = { rope_theta: windowRotaryTheta, rope_type: "default" };
  return {
    // Dynamic scaling starts there.
    ...(scaling?.type === "dynamic" && { max_position_embeddings: scaling.originalMaxPositions }),
    rope_theta: rotaryTheta,
    ...(windows && { rope_local_base_freq: windowRotaryTheta }),
    ...(scaling && { rope_scaling: written }),
    rope_parameters: windows ? { full_attention: written, sliding_attention: near } : written,
  };
}

function writeScaling(scaling: RotaryScaling): Record<string, unknown> {
  const { type } = scaling;
  if (type === "linear" || type === "dynamic") return { rope_type: type, factor: scaling.factor };
  const shared = { rope_type: type, original_max_position_embeddings: scaling.originalMaxPositions };
  if (type === "llama3") {
    const { factor, lowFrequencyFactor, highFrequencyFactor } = scaling;
    return { ...shared, factor, low_freq_factor: lowFrequencyFactor, high_freq_factor: highFrequencyFactor };
  }
  const { attentionFactor } = scaling;
  if (type === "longrope") {
    const { shortFactors, longFactors } = scaling;
    return { ...shared, short_factor: shortFactors, long_factor: longFactors, attention_factor: attentionFactor };
  }
  const { factor, betaFast, betaSlow, truncate } = scaling;
  return { ...shared, factor, beta_fast: betaFast, beta_slow: betaSlow, truncate, attention_factor: attentionFactor };
}
