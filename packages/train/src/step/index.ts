export { causalObjective } from "../objectives/causal/loss.ts";
export { maskedObjective } from "../objectives/masked/loss.ts";
export { type MixedBatch, mixedObjective } from "../objectives/mixed/loss.ts";
export type { MicroBatch, Objective } from "../objectives/objective.ts";
export { permutationObjective } from "../objectives/permutation/loss.ts";
export { sequenceObjective } from "../objectives/sequence/loss.ts";
export { type Accumulated, type AccumulateOptions, accumulate } from "./accumulate.ts";
export { allReduce, clipByGlobalNorm, type Gradients, squaredNorm } from "./gradients.ts";
export { createAdamW, type Moments, type Optimizer, type OptimizerConfig } from "./optimizer.ts";
