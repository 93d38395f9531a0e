/**
 * How a family lies in Hugging Face's format: its config.json, and where each of our weights is in its tensors. Data
 * and pure functions; reading and writing files is checkpoint's.
 */
import type { ModelConfig, ModelConfigInput } from "./configuration.ts";

/** Where one of our weights lies in a foreign file. */
export interface ForeignWeight {
  name: string;
  /** The foreign matrix is the transpose of ours. */
  transposed?: boolean;
  /** Ours is part `index` of `count` equal ones along the last foreign dimension. */
  part?: { index: number; count: number };
}

/** A config.json, parsed. */
export type HuggingFaceConfig = Readonly<Record<string, unknown>>;

export interface ForeignFormat<Config extends ModelConfig = ModelConfig> {
  /** `model_type` of its config.json. */
  readonly modelType: string;
  /** The `architectures` that can be read. */
  readonly architectures: readonly string[];
  /** Begins the names of the encoder or decoder proper, and is left out in files of the bare model: "bert.". */
  readonly basePrefix: string;
  /** Tensors that files may hold without need: buffers, and second copies of tied weights. */
  readonly redundant: readonly RegExp[];
  /** Throws a ModelError where the configuration says what our model cannot do. */
  fromHuggingFace(json: HuggingFaceConfig): Extract<ModelConfigInput, { family: Config["family"] }>;
  /** Throws a ModelError where their model cannot do what the configuration says. */
  toHuggingFace(config: Config): Record<string, unknown>;
  /** Our names -> theirs, for every weight of the model. */
  names(config: Config): Map<string, ForeignWeight>;
}
