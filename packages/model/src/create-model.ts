/** Builds a model of any family from its configuration, and counts one without building it. */
import {
  type AdapterConfig,
  countParameters,
  fromSeed,
  type Mesh,
  type ParameterSource,
  shapeOnly,
  singleRankMesh,
} from "@megatron-ts/parallel";
import { type ModelConfigInput, modelConfigSchema } from "./configuration.ts";
import { ModelError } from "./errors.ts";
import { type AnyFamily, familyOf, keepsTokensTogether, layersOfStacks } from "./registry.ts";
import { stagesOfRank } from "./stage.ts";
import { checkTrainedPart, freezing } from "./trained-part.ts";

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
  /** The number of layers of each stage, in a pipeline: as many as it has ranks, or that times the mesh's `virtualStages`. */
  stages?: readonly number[];
  /** Low-rank adapters, which are trained instead of the weights. Default: none. */
  adapter?: AdapterConfig | null;
  /** Names of weights, or their beginnings such as "layers.0", that training leaves as they are. Default: none. */
  frozen?: readonly string[];
}

/**
 * Builds a model with its weights; in a pipeline, this rank's stage of it. Throws a ZodError for an invalid configuration, and a
 * ModelError for stages that do not fit it, and for adapters of layers or frozen parts that it does not have.
 */
export function createModel<Config extends ModelConfigInput>(
  config: Config,
  { mesh = singleRankMesh, weights, stages, adapter = null, frozen = [] }: CreateModelOptions,
): ModelOf<Config["family"]> {
  const parsed = modelConfigSchema.parse(config);
  const source = "seed" in weights ? fromSeed(weights.seed) : weights.source;
  const family = familyOf(parsed);
  const { size, rank } = mesh.pipeline;
  if (size > 1 && !family.hasStages) throw new ModelError(`${parsed.family}: cannot be split into stages yet`);
  const together = mesh.context.size > 1 && keepsTokensTogether(parsed);
  if (together) throw new ModelError(`ranks cannot share the tokens of ${together} yet`);
  const count = size * (mesh.virtualStages ?? 1);
  if (size > 1 && stages?.length !== count)
    throw new ModelError(`expected ${count} stages; got ${stages?.length ?? 0}`);
  const own = size > 1 ? stagesOfRank(stages!, { rank, size, numLayers: sumOf(layersOfStacks(parsed)) }) : null;
  const outline = (adapter: AdapterConfig | null) =>
    family.create(parsed, { mesh, source: shapeOnly, stages: null, adapter }).parameters;
  checkTrainedPart({ adapter, frozen }, outline);
  const isFrozen = freezing({ adapter, frozen });
  return family.create(parsed, { mesh, source, stages: own, adapter, isFrozen }) as ModelOf<Config["family"]>;
}

const sumOf = (numbers: readonly number[]) => numbers.reduce((sum, number) => sum + number, 0);

/** The number of parameters of a configuration, counted without allocating any. */
export function countModelParameters(config: ModelConfigInput): number {
  return countParameters(createModel(config, { weights: { source: shapeOnly } }).parameters);
}
