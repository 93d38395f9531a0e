/** How the layers of a model are shared among the stages of a pipeline: as a recipe says, or by their FLOPs. */
import { flopsPerSample } from "@megatron-ts/cost";
import { describeModel, type ModelConfig } from "@megatron-ts/model";
import type { ParallelConfig } from "../configuration/train-configuration.ts";

/** Tokens of the sample whose FLOPs are compared: scores weigh more in longer ones, and in all stages alike. */
const SAMPLE_LENGTH = 1024;

/** The number of layers of each stage. */
export function stagesOf(
  config: ModelConfig,
  { pipeline, virtualStages, stages }: Pick<ParallelConfig, "pipeline" | "virtualStages" | "stages">,
): number[] {
  if (stages) return stages;
  const description = describeModel(config);
  const lengths = { sequenceLength: SAMPLE_LENGTH, sourceLength: SAMPLE_LENGTH };
  const flopsOf = (layers: typeof description.layers) => flopsPerSample({ ...description, layers }, lengths).forward;
  const head = flopsOf([]);
  /** The mean of a stack, whose layers may differ. */
  const layersOf = (stack: "source" | "target") => {
    const groups = description.layers.filter(({ reads }) => reads === stack);
    const count = groups.reduce((sum, { numLayers }) => sum + numLayers, 0);
    return Array<number>(count).fill((flopsOf(groups) - head) / count);
  };
  const layers = [...layersOf("source"), ...layersOf("target")];
  return balanceStages({ layers, stages: pipeline * virtualStages, head });
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
  const before = [0];
  for (const each of layers) before.push(before.at(-1)! + each);
  const cost = (first: number, end: number, isLast: boolean) => before[end]! - before[first]! + (isLast ? head : 0);
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
