/** The tokens and FLOPs of a training step, counted from the model's description and the lengths of the batch's samples. */
import { compileLayout, coverageOf, createLayout } from "@megatron-ts/attention";
import { flopsPerSample, type ModelShape, type SampleLengths } from "@megatron-ts/cost";
import { type AttentionDescription, type BaseConfig, describeModel, type ModelDescription } from "@megatron-ts/model";
import type { Workload } from "../objectives/objective.ts";

/** Tokens that the model reads, the source's included. */
export function workloadTokens(workload: readonly Workload[]): number {
  return workload
    .map(({ samples, lengths: { sequenceLength, sourceLength = 0 } }) => samples * (sequenceLength + sourceLength))
    .reduce((sum, tokens) => sum + tokens, 0);
}

/** What the model needs, forward and backward; recomputation counts where it is named. */
export function stepFlops(
  config: BaseConfig,
  workload: readonly Workload[],
  recompute: "none" | "selective" | "full" = "none",
): number {
  return workload
    .map(({ prediction, samples, lengths }) => {
      return (
        samples * flopsPerSample(withPairs(describeModel(config, prediction), lengths), lengths, { recompute }).hardware
      );
    })
    .reduce((sum, flops) => sum + flops, 0);
}

/** The description with the pairs that each layout computes in samples of these lengths. */
function withPairs(description: ModelDescription, { sequenceLength, sourceLength = 0 }: SampleLengths): ModelShape {
  const layers = description.layers.map(({ attention, ...layer }) => {
    const length = layer.reads === "source" ? sourceLength : sequenceLength;
    return { ...layer, attention: { ...attention, ...(attention.layout && { pairs: pairsOf(attention, length) }) } };
  });
  return { ...description, layers };
}

/** Numbers of pairs by layout and length: a layout is compiled once for each. */
const knownPairs = new Map<string, number>();

function pairsOf({ layout, causal, numHeads }: AttentionDescription, length: number): number {
  const key = JSON.stringify([layout, causal, numHeads, length]);
  const known = knownPairs.get(key);
  if (known !== undefined) return known;
  const seed = layout && "seed" in layout ? layout.seed : undefined;
  const lists = compileLayout(createLayout(layout!, { causal, length }), { length, numHeads, seed });
  const ofHeads = Array.from({ length: lists.heads }, (_, head) => coverageOf(lists, { head, maxCells: 1 }).pairs);
  const pairs = ofHeads.reduce((sum, each) => sum + each, 0) / lists.heads;
  knownPairs.set(key, pairs);
  return pairs;
}
