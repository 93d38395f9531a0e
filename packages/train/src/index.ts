export { checkHeads, checkRunConfiguration } from "./configuration/cross-checks.ts";
export { formatDifference } from "./configuration/differences.ts";
export {
  checkPretrainConfig,
  completeModel,
  loadPretrainRecipe,
  type PretrainConfig,
  pretrainConfigSchema,
} from "./configuration/pretrain-configuration.ts";
export { formatRecipe, parseRecipe } from "./configuration/recipe.ts";
export { loadRecipe } from "./configuration/recipe-file.ts";
export type { Override } from "./configuration/recipe-overrides.ts";
export { createRunConfigurationSchema } from "./configuration/run-configuration.ts";
export {
  type StarterOptions,
  type StarterSize,
  starterBatch,
  starterRecipe,
  starterSizes,
} from "./configuration/starter-recipe.ts";
export type { ParallelConfig, TrainConfig } from "./configuration/train-configuration.ts";
export { loadTeacher, type Teacher, type TeacherFit, teacherConfigAt } from "./distillation/teacher.ts";
export type { EnergyUse } from "./energy/energy-meter.ts";
export { ConfigError, type ConfigProblem } from "./errors.ts";
export { type EvaluateOptions, evaluate } from "./evaluation/evaluate.ts";
export {
  type EvaluationOptions,
  openEvaluation,
  openPseudoEvaluation,
  type ValidationMetric,
} from "./evaluation/open-evaluation.ts";
export { formatEvaluation, formatReport } from "./logging/console-line.ts";
export type { IntervalReport } from "./logging/interval-report.ts";
export { type LossCurve, lossChart, readLossCurve } from "./logging/loss-curve.ts";
export { lossSvg } from "./logging/loss-svg.ts";
export { type MetricsLog, openMetricsLog } from "./logging/metrics-log.ts";
export { formatBytes, formatCount, formatDuration, formatEnergy, formatQuantity } from "./logging/quantities.ts";
export { openTensorBoard, type TensorBoardLog, type TensorBoardOptions } from "./logging/tensorboard.ts";
export { type ObjectiveConfig, objectiveConfigSchema, partsOf } from "./objectives/configuration.ts";
export { objectivesFor, resolveObjective, type WritingMode, writingMode } from "./objectives/open-objective.ts";
export { getObjective, type ObjectiveName, objectiveNames } from "./objectives/registry.ts";
export { checkFits, type FitOptions } from "./plan/check-fits.ts";
export { checkStepFits } from "./plan/check-step-fits.ts";
export { clusterDescriptionSchema, type DescribedCluster, loadCluster } from "./plan/cluster-description.ts";
export { describeRanks, type RankShare } from "./plan/describe-ranks.ts";
export { machineMemory } from "./plan/machine-memory.ts";
export { measureStep, type StepMeasurement } from "./plan/measure-step.ts";
export { type KnownStep, planKnownStep } from "./plan/plan-known-step.ts";
export {
  type CountedMemory,
  type CountMemory,
  type MemoryPlan,
  planStep,
  type StagePlan,
  type StepPlan,
} from "./plan/plan-memory.ts";
export { stageShares } from "./plan/stage-shares.ts";
export { standInTokenizer } from "./plan/stand-in-tokenizer.ts";
export { bestOfFineTuning } from "./run/best-of-fine-tuning.ts";
export { checkMesh } from "./run/check-mesh.ts";
export { checkTokenizer } from "./run/datasets.ts";
export { NonFiniteError, type RunEvent } from "./run/events.ts";
export { measureTraining, type TrainingMeasurement } from "./run/measure-training.ts";
export { type PretrainOptions, pretrain } from "./run/pretrain.ts";
export { describeStraggler, type RankTimes } from "./run/rank-times.ts";
export { stagesOf } from "./run/stages.ts";
export { modelConfigAt } from "./run/starting-weights.ts";
export { listenForStop, type StopFlag, type StopOptions, type StopSignal } from "./run/stop.ts";
export { type OpenedBatches, type RunOptions, type RunParts, trainRun } from "./run/train-run.ts";
export { RECIPE_FILE } from "./run/training-checkpoint.ts";
export type { FinishReason, RunConfiguration, RunListener, TrainingRun, Validation } from "./run/training-run.ts";
export { type ScheduleConfig, scheduleConfigSchema } from "./schedules/configuration.ts";
export { createSchedule, type Schedule, type ScheduleOptions } from "./schedules/schedules.ts";
