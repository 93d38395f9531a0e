/** The tokens and FLOPs of a training step, counted from the model's description and the lengths of the batch's samples. */
import { flopsPerSample } from "@megatron-ts/cost";
import { type BaseConfig, describeModel } from "@megatron-ts/model";
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
      return samples * flopsPerSample(describeModel(config, prediction), lengths, { recompute }).hardware;
    })
    .reduce((sum, flops) => sum + flops, 0);
}
