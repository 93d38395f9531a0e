/**
 * What a family of models is: everything that other packages ask about one, said once. `families/index.ts` lists the
 * definitions; nothing outside this package names a family.
 */
import type { ScopeOptions } from "@megatron-ts/parallel";
import type * as z from "zod";
import type { BaseConfig } from "./configuration-fields.ts";
import type { ModelDescription } from "./description.ts";
import type { EncoderInit } from "./encoder-init.ts";
import type { TaskHeadConfig } from "./heads/configuration.ts";
import type { HuggingFaceFormat } from "./hugging-face/format.ts";
import type { MegatronLmFormat } from "./megatron-lm/format.ts";
import type { FillPrediction, GenerativePrediction, Model, Prediction } from "./model.ts";
import type { Stage } from "./stage.ts";

/** A published size. */
export interface Preset<Input> {
  description: string;
  config: Input;
  /** The published number of parameters, which a test counts. */
  parameters: number;
}

/** What a model is built in: the ranks it is split over, where its weights come from, and which of them are trained. */
export interface ModelContext extends Omit<ScopeOptions, "holds"> {
  /** The parts of the model that this rank runs, in an interleaved pipeline several; null for all of it. */
  stages: readonly Stage[] | null;
}

/** The head that says whether two segments belong together, as a configuration has it. */
export interface PairHead {
  /** The field that says whether it is there, and the value that leaves it out. */
  field: string;
  without: string;
  /** Whether a part is there that only pairs train. */
  present: boolean;
  /** Whether pairs can be classified. */
  predicts: boolean;
  /** Beginnings of the names of the weights that only pairs train. */
  weights: readonly string[];
}

/** How a trained model is used on a prompt. */
export interface Generation {
  /** The predictions by which it writes new text, the preferred one first. */
  writes: readonly GenerativePrediction[];
  /** The predictions by which it fills mask tokens. */
  fills: readonly FillPrediction[];
}

/** The schema of a family's configuration; its `family` is a literal. */
export type FamilySchema = z.ZodType<BaseConfig, { family: string }> & {
  readonly shape: { readonly family: z.ZodLiteral<string> } & Readonly<Record<string, z.ZodType>>;
};

/** How a model knows where tokens are, in families with absolute or rotary positions. */
type Positions =
  | {
      kind: "learned";
      /** The weight with a row for each position. */
      name: string;
      /** Its first rows that are no positions. */
      reserved: number;
      /** Whether the configuration counts those among `maxPositions`. */
      inMaxPositions: boolean;
      /** Whether tokens see no further than they were trained to where positions repeat: in dense encoders. */
      window: boolean;
    }
  | { kind: "rotary"; isScaled: boolean }
  /** Biases that grow with distances of any length. */
  | { kind: "linear" };

/** Everything that other packages ask about a family. */
export interface FamilyDefinition<
  Config extends BaseConfig = BaseConfig,
  Input extends { family: string } = { family: string },
  TModel extends Model = Model,
> {
  /** Builds the model of a configuration that the schema has parsed. */
  create(config: Config, context: ModelContext): TModel;
  readonly presets: Readonly<Record<string, Preset<Input>>>;
  /** The Hugging Face formats it is exchanged in. */
  readonly formats: readonly HuggingFaceFormat<Config, Input>[];
  /** Parts that its models can do without, each with a value that is not the default: `megatron models` lists them. */
  readonly options?: Readonly<Partial<Input>>;
  /** Its checkpoints in Megatron-LM, in families that are imported from there. */
  readonly megatronLm?: MegatronLmFormat<Config, Input>;
  /** The ways in which its models predict, and so what they can be trained for. */
  readonly predicts: readonly Prediction[];
  /** The name of the objective it is trained for unless a recipe says otherwise. */
  readonly objective: string;
  readonly generation: Generation;
  /**
   * The model in plain numbers, from which layers are listed and FLOPs are counted: all of it, or the part that predicts
   * in this way.
   */
  describe(config: Config, prediction?: Prediction): ModelDescription;
  /** The longest sequence in tokens, special tokens included; Infinity for relative positions. */
  longestSequence(config: Partial<Config>): number;
  /** Its positions; absent or null where they are relative. */
  positionsOf?(config: Config): Positions | null;
  /** In families that can have a head for pairs of segments. */
  pairHead?(config: Config): PairHead;
  /** What keeps ranks from sharing the tokens of a sequence, in words; null where nothing does. Default: the whole family cannot. */
  keepsTokensTogether?(config: Partial<Config>): string | null;
  /** Whether its layers can be split into the stages of a pipeline. Default: false. */
  readonly hasStages?: boolean;
  /**
   * The same model with a task's head in place of those that it was pretrained with.
   */
  withTask(config: Config, task: TaskHeadConfig): Config;
  /** Beginnings of the names of weights that such a head's loss does not reach. */
  unusedByTask?: readonly string[];
  /** In encoders: the encoder-decoder that starts from their weights. */
  encoderInit?(config: Config, options: { maxPositions?: number }): EncoderInit;
}

/** Types a family's definition by its schema. */
export function defineFamily<Schema extends FamilySchema, TModel extends Model>(
  definition: { readonly schema: Schema } & FamilyDefinition<z.output<Schema>, z.input<Schema>, TModel>,
): typeof definition {
  return definition;
}
