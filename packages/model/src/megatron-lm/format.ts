/**
 * How a family is stored in checkpoints of Megatron-LM: its command-line arguments as a configuration, and the tensors that
 * contain each weight. Knows no files. Tensor names are Megatron-LM's oldest ones, to which readers map the newer.
 */
import type { BaseConfig } from "../configuration-fields.ts";

/** The arguments that Megatron-LM saves with a checkpoint, by name. Absent in checkpoints older than an argument. */
export type MegatronLmArguments = ReadonlyMap<string, unknown>;

/** What a format needs to know of a checkpoint besides its arguments. */
export interface MegatronLmContext {
  /** Rows of the token embedding, with padding. */
  vocabularySize: number;
  /** Whether Megatron Core wrote it (`linear_qkv`), rather than the classes before it (`query_key_value`). */
  core: boolean;
}

/** The tensor that contains one weight of ours, and which part of it. */
export interface MegatronLmWeight {
  name: string;
  /**
   * A part of fused queries, keys and values, stored by group: its query heads, its key, its value. Cross-attention fuses
   * keys and values alone, without queries.
   */
  fused?: { part: "query" | "key" | "value"; queriesPerGroup: number; headSize: number };
  /** The first (0) or second (1) half of every rank's rows: gate and input of a gated feed-forward. */
  half?: 0 | 1;
  /** Added to the stored values: 1 where norms store their weight minus one. */
  offset?: number;
}

/** One family's checkpoints in Megatron-LM. */
export interface MegatronLmFormat<
  Config extends BaseConfig = BaseConfig,
  Input extends { family: string } = { family: string },
> {
  /** What Megatron-LM calls the model, such as `"GPT"`. */
  readonly modelType: string;
  /** Whether a checkpoint that contains these tensors is one of this family. */
  supports(names: readonly string[]): boolean;
  /** @throws ModelError that names the argument whose value is not supported */
  fromMegatronLm(args: MegatronLmArguments, context: MegatronLmContext): Input;
  /** Tensors by our names, for the weights that the configuration declares. */
  names(args: MegatronLmArguments, config: Config): Map<string, MegatronLmWeight>;
  /** Copies of a tensor that pipeline stages keep, by name: equal to the original, or the checkpoint is inconsistent. */
  copies(args: MegatronLmArguments): ReadonlyMap<string, string>;
  /** Tensors that may be present without being a weight of ours. */
  readonly ignoredTensors: readonly RegExp[];
}
