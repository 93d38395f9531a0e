export {
  type ConfigurationDifference,
  configurationDifferences,
  formatDifference,
} from "./configuration-differences.ts";
export { ConfigError, type ConfigProblem } from "./configuration-error.ts";
export { formatEvaluation, formatReport } from "./console-line.ts";
export {
  addStep,
  emptyInterval,
  type Interval,
  type IntervalReport,
  reportInterval,
  type StepMeasurement,
} from "./interval-report.ts";
export { type MetricsLog, type MetricsRecord, openMetricsLog } from "./metrics-log.ts";
export {
  type GradientNorms,
  initialNoiseScaleState,
  type NoiseScale,
  type NoiseScaleState,
  nextNoiseScaleState,
  noiseScaleOf,
} from "./noise-scale.ts";
export type { PlateauState } from "./plateau.ts";
export { formatCount, formatDuration, formatQuantity } from "./quantities.ts";
export { formatRecipe, parseRecipe, type RecipeOptions } from "./recipe.ts";
export { loadRecipe } from "./recipe-file.ts";
export type { Override } from "./recipe-overrides.ts";
export {
  checkPretrainConfig,
  completeModel,
  loadPretrainRecipe,
  type PretrainConfig,
  pretrainConfigSchema,
} from "./run/configuration.ts";
export { checkTokenizer } from "./run/datasets.ts";
export { type EvaluateOptions, evaluate } from "./run/evaluate.ts";
export { NonFiniteError, type RunEvent } from "./run/events.ts";
export { type ObjectiveConfig, objectiveConfigSchema } from "./run/objective-configuration.ts";
export { objectivesOf, resolveObjective } from "./run/objectives.ts";
export {
  type EvaluationOptions,
  type HeldOutMeasure,
  openEvaluation,
  openPseudoEvaluation,
} from "./run/open-evaluation.ts";
export { type PretrainOptions, pretrain } from "./run/pretrain.ts";
export type { Measure } from "./run/run-objective.ts";
export { type CheckedSections, checkRunConfiguration } from "./run-checks.ts";
export { createRunConfigurationSchema, type RunConfiguration } from "./run-configuration.ts";
export {
  type PlateauConfig,
  plateauConfigSchema,
  type ScheduleConfig,
  scheduleConfigSchema,
} from "./schedule-configuration.ts";
export { createSchedule, type Schedule, type ScheduleOptions } from "./schedules.ts";
export { listenForStop, type StopFlag, type StopOptions, type StopSignal } from "./stop.ts";
export { openTensorBoard, type TensorBoardLog, type TensorBoardOptions } from "./tensorboard.ts";
export {
  type BatchRampConfig,
  engineConfigSchema,
  type ParallelConfig,
  parallelConfigSchema,
  runConfigSchema,
  type TrainConfig,
  trainConfigSchema,
} from "./train-configuration.ts";
