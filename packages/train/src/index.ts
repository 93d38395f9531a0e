export { type CheckedSections, checkRunConfiguration } from "./configuration/cross-checks.ts";
export {
  type ConfigurationDifference,
  configurationDifferences,
  formatDifference,
} from "./configuration/differences.ts";
export {
  checkPretrainConfig,
  completeModel,
  loadPretrainRecipe,
  type PretrainConfig,
  pretrainConfigSchema,
} from "./configuration/pretrain-configuration.ts";
export { formatRecipe, parseRecipe, type RecipeOptions } from "./configuration/recipe.ts";
export { loadRecipe } from "./configuration/recipe-file.ts";
export type { Override } from "./configuration/recipe-overrides.ts";
export { createRunConfigurationSchema, type RunConfiguration } from "./configuration/run-configuration.ts";
export {
  type BatchRampConfig,
  engineConfigSchema,
  type ParallelConfig,
  parallelConfigSchema,
  runConfigSchema,
  type TrainConfig,
  trainConfigSchema,
} from "./configuration/train-configuration.ts";
export { ConfigError, type ConfigProblem } from "./errors.ts";
export { type EvaluateOptions, evaluate } from "./evaluation/evaluate.ts";
export {
  type EvaluationOptions,
  openEvaluation,
  openPseudoEvaluation,
  type ValidationMetric,
} from "./evaluation/open-evaluation.ts";
export { formatEvaluation, formatReport } from "./logging/console-line.ts";
export {
  addStep,
  emptyInterval,
  type Interval,
  type IntervalReport,
  reportInterval,
  type StepMeasurement,
} from "./logging/interval-report.ts";
export { type MetricsLog, type MetricsRecord, openMetricsLog } from "./logging/metrics-log.ts";
export { formatCount, formatDuration, formatQuantity } from "./logging/quantities.ts";
export { openTensorBoard, type TensorBoardLog, type TensorBoardOptions } from "./logging/tensorboard.ts";
export { type ObjectiveConfig, objectiveConfigSchema, partsOf } from "./objectives/configuration.ts";
export { objectivesFor, openObjective, type RunObjective, resolveObjective } from "./objectives/open-objective.ts";
export { getObjective, type ObjectiveName, objectiveNames } from "./objectives/registry.ts";
export { checkTokenizer } from "./run/datasets.ts";
export { NonFiniteError, type RunEvent } from "./run/events.ts";
export { type PretrainOptions, pretrain } from "./run/pretrain.ts";
export { listenForStop, type StopFlag, type StopOptions, type StopSignal } from "./run/stop.ts";
export { RECIPE_FILE } from "./run/training-checkpoint.ts";
export {
  type PlateauConfig,
  plateauConfigSchema,
  type ScheduleConfig,
  scheduleConfigSchema,
} from "./schedules/configuration.ts";
export type { PlateauState } from "./schedules/plateau.ts";
export { createSchedule, type Schedule, type ScheduleOptions } from "./schedules/schedules.ts";
export {
  type GradientNorms,
  initialNoiseScaleState,
  type NoiseScale,
  type NoiseScaleState,
  nextNoiseScaleState,
  noiseScaleOf,
} from "./step/noise-scale.ts";
