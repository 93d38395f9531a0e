/** Builds a model of any family from its configuration, and counts one without building it. */
import {
  countParameters,
  fromSeed,
  type Mesh,
  type ParameterSource,
  shapeOnly,
  singleRankMesh,
} from "@megatron-ts/parallel";
import { type ModelConfig, type ModelConfigInput, modelConfigSchema } from "./configuration.ts";
import { ModelError } from "./errors.ts";
import { createBert } from "./families/bert/model.ts";
import { createEncoderDecoder } from "./families/encoder-decoder/model.ts";
import { createGpt } from "./families/gpt/model.ts";
import { createT5 } from "./families/t5/model.ts";
import { createXlnet } from "./families/xlnet/model.ts";
import type { Model } from "./model.ts";

/** Where a family's model is built. Adding a family is adding a row here and a schema to the configuration. */
const builders = {
  gpt: createGpt,
  bert: createBert,
  "encoder-decoder": createEncoderDecoder,
  t5: createT5,
  xlnet: createXlnet,
} satisfies {
  [Family in ModelConfig["family"]]: Builder<Family>;
};

type Builder<Family extends ModelConfig["family"]> = (
  config: Extract<ModelConfig, { family: Family }>,
  context: { mesh: Mesh; source: ParameterSource },
) => Model;

/** What a model of the family can do. */
export type ModelOf<Family extends ModelConfig["family"]> = ReturnType<(typeof builders)[Family]>;

export type AnyModel = ModelOf<ModelConfig["family"]>;

export interface CreateModelOptions {
  mesh?: Mesh;
  /** Where the weights come from: a seed to draw them from, or a source such as a checkpoint. */
  weights: { seed: number } | { source: ParameterSource };
}

/** A model with its weights. Throws a ZodError for an invalid configuration. */
export function createModel<Config extends ModelConfigInput>(
  config: Config,
  { mesh = singleRankMesh, weights }: CreateModelOptions,
): ModelOf<Config["family"]> {
  const parsed = modelConfigSchema.parse(config);
  const source = "seed" in weights ? fromSeed(weights.seed) : weights.source;
  const build = builders[parsed.family] as Builder<ModelConfig["family"]>;
  return build(parsed, { mesh, source }) as ModelOf<Config["family"]>;
}

/** The model as one of that family. Throws a ModelError that names both families where it is of another. */
export function modelOfFamily<Family extends ModelConfig["family"]>(model: AnyModel, family: Family): ModelOf<Family> {
  const { family: found } = model.config;
  if (found !== family) throw new ModelError(`the model is of the family ${found}; this needs one of ${family}`);
  return model as ModelOf<Family>;
}

/** The number of weights of a configuration, counted on its declarations; nothing is allocated. */
export function countModelParameters(config: ModelConfigInput): number {
  return countParameters(createModel(config, { weights: { source: shapeOnly } }).parameters);
}
