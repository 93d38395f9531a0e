/**
 * The configuration and positions of a model for longer texts than it was trained on: learned positions are tiled, as
 * Longformer's were from RoBERTa's (Beltagy et al. 2020, section 5), or interpolated; rotary positions are scaled.
 */
import type { ModelConfig } from "./configuration.ts";
import { modelConfigSchema } from "./configuration.ts";
import { ModelError } from "./errors.ts";
import type { RotaryScaling } from "./layers/rotary-scaling.ts";
import { familyOf } from "./registry.ts";

/** How learned positions reach further. */
const learnedMethods = ["tile", "interpolate"] as const;
/** How rotary positions do. */
const rotaryMethods = ["dynamic", "linear", "yarn", "llama3"] as const;

type LengtheningMethod = (typeof learnedMethods)[number] | (typeof rotaryMethods)[number];

/** Options of `lengthen`. */
export interface LengthenOptions {
  /** The longest text, in tokens. */
  maxPositions: number;
  /** "tile" or "interpolate"; "dynamic", "linear", "yarn" or "llama3". Default: "tile" for learned positions, "dynamic" for rotary ones, which leaves texts of the trained length as they are. */
  method?: string | undefined;
}

/** A model for longer texts. */
export interface Lengthened {
  config: ModelConfig;
  /** The learned table that grows, if there is one. */
  table: LongerTable | null;
}

/** A table of positions that grows. */
export interface LongerTable {
  /** The name of the weight. */
  name: string;
  method: (typeof learnedMethods)[number];
  /** First rows that are no positions, such as RoBERTa's for padding. */
  reserved: number;
  /** Rows before and after, the reserved ones included. */
  from: number;
  to: number;
}

/** A model for longer texts. Throws a ModelError where its positions cannot reach further, or do not need to. */
export function lengthen(config: ModelConfig, { maxPositions, method }: LengthenOptions): Lengthened {
  const { positionsOf, longestSequence } = familyOf(config);
  const positions = positionsOf?.(config) ?? null;
  if (!positions) throw new ModelError("maxPositions: this model's positions are relative, texts may have any length");
  const trained = longestSequence(config);
  if (maxPositions <= trained) {
    throw new ModelError(`maxPositions: the model takes ${trained} tokens already; expected more, got ${maxPositions}`);
  }
  if (positions.kind === "linear") return { config: parse({ ...config, maxPositions }), table: null };
  const methods: readonly LengtheningMethod[] = positions.kind === "learned" ? learnedMethods : rotaryMethods;
  const chosen = method === undefined ? methods[0] : methods.find((known) => known === method);
  if (chosen === undefined) {
    throw new ModelError(`positions: expected ${methods.join(" or ")} for ${positions.kind} positions, got ${method}`);
  }
  if (positions.kind === "rotary") {
    if (positions.isScaled) throw new ModelError("maxPositions: the model's rotary positions are scaled already");
    const rotaryScaling = scalingFor(chosen, { factor: maxPositions / trained, trained });
    return { config: parse({ ...config, maxPositions, rotaryScaling }), table: null };
  }
  const { name, reserved, inMaxPositions } = positions;
  const table: LongerTable = {
    name,
    method: chosen === "interpolate" ? "interpolate" : "tile",
    reserved,
    from: reserved + trained,
    to: reserved + maxPositions,
  };
  const attention = chosen === "tile" && positions.window ? { layout: "local", window: trained } : config.attention;
  const longer = { ...config, maxPositions: inMaxPositions ? table.to : maxPositions };
  return { config: parse({ ...longer, ...(attention && { attention }) }), table };
}

const parse = (config: object): ModelConfig => modelConfigSchema.parse(config);

/** transformers' defaults for what a scaling needs besides its factor. */
function scalingFor(
  method: LengtheningMethod,
  { factor, trained }: { factor: number; trained: number },
): RotaryScaling {
  const originalMaxPositions = trained;
  switch (method) {
    case "linear":
      return { type: "linear", factor };
    case "yarn":
      return {
        type: "yarn",
        factor,
        originalMaxPositions,
        betaFast: 32,
        betaSlow: 1,
        truncate: true,
        attentionFactor: 0.1 * Math.log(factor) + 1,
      };
    case "llama3":
      return { type: "llama3", factor, lowFrequencyFactor: 1, highFrequencyFactor: 4, originalMaxPositions };
    default:
      return { type: "dynamic", factor, originalMaxPositions };
  }
}

/** The rows of a longer table, [to, width] from [from, width]. 16-bit floats can be tiled, not interpolated. */
export function lengthenRows<Values extends Float32Array | Uint16Array>(
  values: Values,
  { method, reserved, from, to }: LongerTable,
): Values {
  const width = values.length / from;
  const Kind = values.constructor as new (length: number) => Values;
  const longer = new Kind(to * width);
  const trained = from - reserved;
  for (let row = 0; row < to; row++) {
    const position = row - reserved;
    if (row < reserved || method === "tile") {
      const source = row < reserved ? row : reserved + (position % trained);
      longer.set(values.subarray(source * width, (source + 1) * width), row * width);
      continue;
    }
    // The first and the last position stay where they are.
    const place = (position * (trained - 1)) / Math.max(to - reserved - 1, 1);
    const before = Math.floor(place);
    const after = Math.min(before + 1, trained - 1);
    const share = place - before;
    for (let column = 0; column < width; column++) {
      const one = values[(reserved + before) * width + column]!;
      const other = values[(reserved + after) * width + column]!;
      longer[row * width + column] = one + share * (other - one);
    }
  }
  return longer;
}
