/**
 * How a family lies in Hugging Face's format: its config.json, and where each of our weights is in its tensors. Data
 * and pure functions; reading and writing files is checkpoint's.
 */
import type { BaseConfig } from "../configuration-fields.ts";

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

/** A parsed config.json. */
export type HuggingFaceConfig = Readonly<Record<string, unknown>>;

/** How the models of a family are stored in one Hugging Face format. */
export interface HuggingFaceFormat<
  Config extends BaseConfig = BaseConfig,
  Input extends { family: string } = { family: string },
> {
  /** `model_type` of its config.json. */
  readonly modelType: string;
  /** The `architectures` that can be read. */
  readonly architectures: readonly string[];
  /** Whether a configuration of its family can be written in this format. */
  supports(config: Config): boolean;
  /**
   * A model's configuration. If the architecture leaves open which heads a file has, the names of its `tensors` decide.
   * Throws a ModelError if config.json asks for something that our model cannot do.
   */
  fromHuggingFace(json: HuggingFaceConfig, options?: { tensors?: ReadonlySet<string> }): Input;
  /** Throws a ModelError if their model cannot do what the configuration says. */
  toHuggingFace(config: Config): Record<string, unknown>;
  /** How their model will still differ from ours, a line each; empty if it will not. */
  differences(config: Config): string[];
  /** Our names -> theirs, for every weight of the model. */
  names(config: Config): Map<string, ForeignWeight>;
  /** Other names that files have for one of theirs: of the bare model, and from older versions. */
  aliases(name: string): string[];
  /** Tensors that files may hold without need: buffers, and second copies of tied weights. */
  readonly ignoredTensors: readonly RegExp[];
}
