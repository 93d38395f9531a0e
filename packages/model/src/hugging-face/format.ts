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
  /** Ours is `count` rows of the foreign matrix or vector, which has `of`, from row `first` on. */
  rows?: { first: number; count: number; of: number };
  /** The foreign tensor's shape, where it has more dimensions than our matrix: those behind the first are taken as one. */
  shape?: readonly number[];
  /** Ours is a vector, theirs a matrix of one row. */
  vector?: true;
}

/** A parsed config.json. */
export type HuggingFaceConfig = Readonly<Record<string, unknown>>;

/** What a format may ask about the tensors of a file. */
export interface FileTensors {
  has(name: string): boolean;
  /** Whether two tensors hold the same values; assumed where only the names are known. */
  equal?(a: string, b: string): boolean;
}

/** A tensor that holds the same weight as another, of which files have either or both. */
export interface SharedTensor {
  name: string;
  of: string;
  /** The reference computes with `name` and never reads `of`, should they differ. */
  wins?: true;
  /** Files that are written need both. */
  written?: true;
}

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
  /** The fields of a configuration that it cannot say, by name, for an error. Default: unknown. */
  unsaid?(config: Config): string[];
  /**
   * A model's configuration. The file's `tensors` decide which heads it has if the architecture leaves that open, and
   * whether a head that may share the embedding has a weight of its own.
   * Throws a ModelError if config.json asks for something that our model cannot do.
   */
  fromHuggingFace(json: HuggingFaceConfig, options?: { tensors?: FileTensors }): Input;
  /** Throws a ModelError if their model cannot do what the configuration says. */
  toHuggingFace(config: Config): Record<string, unknown>;
  /** How their model will still differ from ours, a line each; empty if it will not. */
  differences(config: Config): string[];
  /** Our names -> theirs, for every weight of the model. */
  names(config: Config): Map<string, ForeignWeight>;
  /** Other names that files have for one of theirs: of the bare model, and from older versions. */
  aliases(name: string): string[];
  /** Tensors that are one weight of this model under two names. */
  shared(config: Config): readonly SharedTensor[];
  /** Buffers that files may hold without need. */
  readonly ignoredTensors: readonly RegExp[];
}
