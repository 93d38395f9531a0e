/** Builds a model of any family from its configuration, and counts one without building it. */
import {
  counted,
  countParameters,
  initialized,
  type Mesh,
  type ParameterSource,
  soloMesh,
} from "@megatron-ts/parallel";
import { type ModelConfig, type ModelConfigInput, modelConfigSchema } from "./configuration.ts";
import { createGpt } from "./gpt.ts";
import type { Model } from "./model.ts";

/** Where a family's model is built. Adding a family is adding a row here and a schema to the configuration. */
const builders = { gpt: createGpt } satisfies { [Family in ModelConfig["family"]]: Builder<Family> };

type Builder<Family extends ModelConfig["family"]> = (
  config: Extract<ModelConfig, { family: Family }>,
  context: { mesh: Mesh; source: ParameterSource },
) => Model;

/** What a model of the family can do. */
export type ModelOf<Family extends ModelConfig["family"]> = ReturnType<(typeof builders)[Family]>;

export interface CreateModelOptions {
  mesh?: Mesh;
  /** Where the weights come from: a seed to draw them from, or a source such as a checkpoint. */
  weights: { seed: number } | { source: ParameterSource };
}

/** A model with its weights. Throws a ZodError for an invalid configuration. */
export function createModel<Config extends ModelConfigInput>(
  config: Config,
  { mesh = soloMesh, weights }: CreateModelOptions,
): ModelOf<Config["family"]> {
  const parsed = modelConfigSchema.parse(config);
  const source = "seed" in weights ? initialized(weights.seed) : weights.source;
  const build = builders[parsed.family] as Builder<ModelConfig["family"]>;
  return build(parsed, { mesh, source }) as ModelOf<Config["family"]>;
}

/** The number of weights of a configuration, counted on its declarations; nothing is allocated. */
export function countModelParameters(config: ModelConfigInput): number {
  return countParameters(createModel(config, { weights: { source: counted } }).parameters);
}
