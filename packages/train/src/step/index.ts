export { type Accumulated, type AccumulateOptions, accumulate } from "./accumulate.ts";
export { causalObjective } from "./causal-objective.ts";
export { allReduce, clipByGlobalNorm, type Gradients, squaredNorm } from "./gradients.ts";
export { maskedObjective } from "./masked-objective.ts";
export { type MixedRows, mixedObjective } from "./mixed-objective.ts";
export type { Objective, Rows } from "./objective.ts";
export { createAdamW, type Moments, type Optimizer, type OptimizerConfig } from "./optimizer.ts";
export { permutationObjective } from "./permutation-objective.ts";
export { sequenceObjective } from "./sequence-objective.ts";
