/** The tokens and FLOPs of a training step, counted from the model's description and the lengths of the batch's samples. */
import { compileLayout, coverageOf, createLayout } from "@megatron-ts/attention";
import { flopsPerSample, type ModelShape, type SampleLengths } from "@megatron-ts/cost";
import {
  type AttentionDescription,
  type BaseConfig,
  describeModel,
  type ModelDescription,
  type Stage,
} from "@megatron-ts/model";
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
  return sumOverSamples(config, workload, (model, lengths) => flopsPerSample(model, lengths, { recompute }).hardware);
}

/** Samples, and how they are predicted where that matters. */
type Samples = Pick<Workload, "samples" | "lengths"> & Partial<Pick<Workload, "prediction">>;

/** The same of some of its stages: their layers, and the head where the last one is among them. */
export function stageFlops(
  config: BaseConfig,
  workload: readonly Samples[],
  { stages, recompute = "none" }: { stages: readonly Stage[]; recompute?: "none" | "selective" | "full" },
): number {
  const hasHead = stages.some(({ isLast }) => isLast);
  return sumOverSamples(config, workload, (model, lengths) => {
    const flopsOf = (layers: ModelShape["layers"]) =>
      flopsPerSample({ ...model, layers }, lengths, { recompute }).hardware;
    return flopsOf(layersOf(model, stages)) - (hasHead ? 0 : flopsOf([]));
  });
}

function sumOverSamples(
  config: BaseConfig,
  workload: readonly Samples[],
  flopsOf: (model: ModelShape, lengths: SampleLengths) => number,
): number {
  return workload
    .map(({ prediction, samples, lengths }) => {
      return samples * flopsOf(withPairs(describeModel(config, prediction), lengths), lengths);
    })
    .reduce((sum, flops) => sum + flops, 0);
}

/** The layers of these stages, of groups in order. */
function layersOf({ layers }: ModelShape, stages: readonly Stage[]): ModelShape["layers"] {
  let before = 0;
  return layers.flatMap((group) => {
    const [first, end] = [before, before + group.numLayers];
    before = end;
    const counts = stages.map((stage) => Math.max(0, Math.min(end, stage.end) - Math.max(first, stage.first)));
    const numLayers = counts.reduce((sum, count) => sum + count, 0);
    return numLayers > 0 ? [{ ...group, numLayers }] : [];
  });
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
