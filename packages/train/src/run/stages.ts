/** How the layers of a model are shared among the stages of a pipeline: as a recipe says, or by their FLOPs. */
import { flopsPerSample } from "@megatron-ts/cost";
import { describeModel, type ModelConfig } from "@megatron-ts/model";
import type { ParallelConfig } from "../configuration/train-configuration.ts";

/** Tokens of the sample whose FLOPs are compared: scores weigh more in longer ones, and in all stages alike. */
const SAMPLE_LENGTH = 1024;

/** The number of layers of each stage. */
export function stagesOf(
  config: ModelConfig,
  { pipeline, stages }: Pick<ParallelConfig, "pipeline" | "stages">,
): number[] {
  if (stages) return stages;
  const description = describeModel(config);
  const lengths = { sequenceLength: SAMPLE_LENGTH, sourceLength: SAMPLE_LENGTH };
  const whole = flopsPerSample(description, lengths).forward;
  const head = flopsPerSample({ ...description, layers: [] }, lengths).forward;
  const layer = (whole - head) / config.numLayers;
  return balanceStages({ layers: Array<number>(config.numLayers).fill(layer), stages: pipeline, head });
}

/**
 * Cuts layers, in their order, into stages of which the most expensive costs least; of such cuts, the one whose first stages have
 * most layers.
 * @param options.head what the last stage costs besides its layers
 */
export function balanceStages({
  layers,
  stages,
  head,
}: {
  layers: readonly number[];
  stages: number;
  head: number;
}): number[] {
  const cost = (first: number, end: number, isLast: boolean) =>
    layers.slice(first, end).reduce((sum, each) => sum + each, isLast ? head : 0);
  const best = new Map<string, { highest: number; counts: number[] }>();
  /** The best cut of the layers from `first` on into `left` stages. */
  function cut(first: number, left: number): { highest: number; counts: number[] } {
    if (left === 1) return { highest: cost(first, layers.length, true), counts: [layers.length - first] };
    const key = `${first},${left}`;
    const known = best.get(key);
    if (known) return known;
    let found = { highest: Number.POSITIVE_INFINITY, counts: [] as number[] };
    for (let end = layers.length - left + 1; end > first; end--) {
      const rest = cut(end, left - 1);
      const highest = Math.max(cost(first, end, false), rest.highest);
      if (highest < found.highest) found = { highest, counts: [end - first, ...rest.counts] };
    }
    best.set(key, found);
    return found;
  }
  return cut(0, stages).counts;
}
