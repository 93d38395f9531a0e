/** What each rank of a pipeline has of a model, for any split: layers, parameters and FLOPs. By shapes; nothing is allocated. */
import type { Split, StageShare } from "@megatron-ts/cost";
import { createModel, layersOfStacks, type ModelConfig, type Stage, stagesOfRank } from "@megatron-ts/model";
import { shapeOnly, singleRank, singleRankMesh } from "@megatron-ts/parallel";
import type { ParallelConfig } from "../configuration/train-configuration.ts";
import { stagesOf } from "../run/stages.ts";
import { stageFlops } from "../run/step-flops.ts";

/** The stages of each rank of a pipeline; without one, a stage with all layers. */
export function stageLayers(
  model: ModelConfig,
  parallel: Pick<ParallelConfig, "pipeline" | "virtualStages" | "stages">,
): Stage[][] {
  const numLayers = layersOfStacks(model).reduce((sum, count) => sum + count, 0);
  const { pipeline: size } = parallel;
  const counts = size > 1 ? stagesOf(model, parallel) : [numLayers];
  return Array.from({ length: size }, (_, rank) => stagesOfRank(counts, { rank, size, numLayers }));
}

/**
 * A function of splits, which a search asks for many.
 * @param options.tokens of a sample, which encoder and decoder read alike
 * @param options.stages the number of layers of each stage. Default: balanced by their FLOPs
 */
export function stageShares(
  model: ModelConfig,
  { tokens, stages }: { tokens: number; stages?: readonly number[] },
): (split: Split) => StageShare[] {
  const known = new Map<string, StageShare[]>();
  return (split) => {
    const { tensor, pipeline, virtualStages = 1 } = split;
    const key = `${tensor} ${pipeline} ${virtualStages}`;
    const shares =
      known.get(key) ??
      sharesOf(model, { ...{ tensor, pipeline, virtualStages }, ...{ tokens, stages: stages && [...stages] } });
    known.set(key, shares);
    return shares;
  };
}

function sharesOf(
  model: ModelConfig,
  {
    tensor,
    tokens,
    ...layout
  }: { tensor: number; tokens: number } & Pick<ParallelConfig, "pipeline" | "virtualStages" | "stages">,
): StageShare[] {
  const { pipeline: size, virtualStages } = layout;
  const lengths = { sequenceLength: tokens, sourceLength: tokens };
  const workload = [{ samples: 1, lengths }];
  const ranks = stageLayers(model, layout);
  const flops = ranks.map((stages) => stageFlops(model, workload, { stages }));
  const all = flops.reduce((sum, own) => sum + own, 0);
  return ranks.map((stages, rank) => {
    const mesh = {
      ...singleRankMesh,
      ...{ tensor: { ...singleRank, size: tensor }, pipeline: { ...singleRank, size, rank }, virtualStages },
    };
    const counts = size > 1 ? stagesOf(model, layout) : undefined;
    const { parameters } = createModel(model, { mesh, weights: { source: shapeOnly }, stages: counts });
    return {
      layers: stages.reduce((sum, { first, end }) => sum + end - first, 0),
      parameters: [...parameters.values()].reduce((sum, { shape }) => sum + product(shape), 0),
      flops: flops[rank]! / all,
    };
  });
}

const product = (shape: readonly number[]) => shape.reduce((all, length) => all * length, 1);
