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
import type { LanguageModel } from "./model.ts";

const families: { [F in ModelConfig["family"]]: typeof createGpt } = { gpt: createGpt };

export interface CreateModelOptions {
  mesh?: Mesh;
  /** Where the weights come from: a seed to draw them from, or a source such as a checkpoint. */
  weights: { seed: number } | { source: ParameterSource };
}

/** A model with its weights. Throws a ZodError for an invalid configuration. */
export function createModel(config: ModelConfigInput, { mesh = soloMesh, weights }: CreateModelOptions): LanguageModel {
  const parsed = modelConfigSchema.parse(config);
  const source = "seed" in weights ? initialized(weights.seed) : weights.source;
  return families[parsed.family](parsed, { mesh, source });
}

/** The number of weights of a configuration, counted on its declarations; nothing is allocated. */
export function countModelParameters(config: ModelConfigInput): number {
  return countParameters(createModel(config, { weights: { source: counted } }).parameters);
}
