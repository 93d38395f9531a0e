/** Builds a model of any family from its configuration, and counts one without building it. */
import {
  countParameters,
  fromSeed,
  type Mesh,
  type ParameterSource,
  shapeOnly,
  singleRankMesh,
} from "@megatron-ts/parallel";
import { type ModelConfigInput, modelConfigSchema } from "./configuration.ts";
import { type AnyFamily, familyOf } from "./registry.ts";

/** The model of a family, such as `ModelOf<"gpt">`. */
export type ModelOf<Name extends ModelConfigInput["family"]> = AnyFamily extends infer Family
  ? Family extends AnyFamily
    ? Name extends Family["schema"]["shape"]["family"]["value"]
      ? ReturnType<Family["create"]>
      : never
    : never
  : never;

/** A model of one of the families. */
export type AnyModel = ModelOf<ModelConfigInput["family"]>;

/** Options of `createModel`. */
export interface CreateModelOptions {
  mesh?: Mesh;
  /** Where the weights come from: a seed to draw them from, or a source such as a checkpoint. */
  weights: { seed: number } | { source: ParameterSource };
}

/** Builds a model with its weights. Throws a ZodError for an invalid configuration. */
export function createModel<Config extends ModelConfigInput>(
  config: Config,
  { mesh = singleRankMesh, weights }: CreateModelOptions,
): ModelOf<Config["family"]> {
  const parsed = modelConfigSchema.parse(config);
  const source = "seed" in weights ? fromSeed(weights.seed) : weights.source;
  return familyOf(parsed).create(parsed, { mesh, source }) as ModelOf<Config["family"]>;
}

/** The number of parameters of a configuration, counted without allocating any. */
export function countModelParameters(config: ModelConfigInput): number {
  return countParameters(createModel(config, { weights: { source: shapeOnly } }).parameters);
}
