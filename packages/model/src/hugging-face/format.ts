/**
 * How a family lies in Hugging Face's format: its config.json, and where each of our weights is in its tensors. Data
 * and pure functions; reading and writing files is checkpoint's.
 */
import type { ModelConfig, ModelConfigInput } from "../configuration.ts";

/** Where one of our weights lies in a foreign file. */
export interface ForeignWeight {
  name: string;
  /** The foreign matrix is the transpose of ours. */
  transposed?: boolean;
  /** Ours is part `index` of `count` equal ones along the last foreign dimension. */
  part?: { index: number; count: number };
  /** The foreign tensor's shape, where it has more dimensions than our matrix: those behind the first are taken as one. */
  shape?: readonly number[];
}

/** A config.json, parsed. */
export type HuggingFaceConfig = Readonly<Record<string, unknown>>;

export interface ForeignFormat<Config extends ModelConfig = ModelConfig> {
  /** `model_type` of its config.json. */
  readonly modelType: string;
  /** The `architectures` that can be read. */
  readonly architectures: readonly string[];
  /** Whether the configuration of one of our models is of this format's kind. */
  describes(config: ModelConfig): boolean;
  /**
   * A model's configuration. Where the architecture leaves open which parts a file holds, the names of its `tensors`
   * tell. Throws a ModelError where config.json asks for what our model cannot do.
   */
  fromHuggingFace(
    json: HuggingFaceConfig,
    options?: { tensors?: ReadonlySet<string> },
  ): ModelConfigInput & { family: Config["family"] };
  /** Throws a ModelError where their model cannot do what the configuration says. */
  toHuggingFace(config: Config): Record<string, unknown>;
  /** In what their model will differ from ours all the same, a line each; empty where it will not. */
  differences(config: Config): string[];
  /** Our names -> theirs, for every weight of the model. */
  names(config: Config): Map<string, ForeignWeight>;
  /** Other names that files have for one of theirs: of the bare model, and from older versions. */
  aliases(name: string): string[];
  /** Tensors that files may hold without need: buffers, and second copies of tied weights. */
  readonly redundant: readonly RegExp[];
}
