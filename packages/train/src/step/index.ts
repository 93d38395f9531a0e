export { causalObjective } from "../objectives/causal/loss.ts";
export { maskedObjective } from "../objectives/masked/loss.ts";
export { type MixedBatch, mixedObjective } from "../objectives/mixed/loss.ts";
export type { MicroBatch, Objective } from "../objectives/objective.ts";
export { permutationObjective } from "../objectives/permutation/loss.ts";
export { sequenceObjective } from "../objectives/sequence/loss.ts";
export { type Accumulated, type AccumulateOptions, accumulate } from "./accumulate.ts";
export { type AdamWConfig, createAdamW } from "./adamw.ts";
export { clipByGlobalNorm, type Gradients, squaredNorm } from "./gradients.ts";
export {
  captureLossAndGradients,
  type LossAndGradients,
  lossAndGradients,
} from "./loss-and-gradients.ts";
export { createMuon, type MuonConfig } from "./muon.ts";
export type { GroupRates, Optimizer, OptimizerStart } from "./optimizer.ts";
export { allReduce } from "./reduce-gradients.ts";
export { createShards, type Shards } from "./shards.ts";
export { findTiedWeights, type TiedWeights } from "./tied-weights.ts";
export { createWeightAverage, type WeightAverage } from "./weight-average.ts";
