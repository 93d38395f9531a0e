/** Fine-tuning, evaluation and use of models for tasks. */
export { loadCheckpointTokenizer, requireCheckpointTokenizer } from "./checkpoint-tokenizer.ts";
export type { Columns } from "./columns.ts";
export { type FinetuneConfig, finetuneConfigSchema, loadFinetuneRecipe, parseFinetuneRecipe } from "./configuration.ts";
export { FamilyError, MissingColumnError, TaskError } from "./errors.ts";
export { type PredictOptions, predictAll, scorePredictions } from "./evaluate-task.ts";
export { type BestCheckpoint, checkFinetune, type FinetuneOptions, type FinetuneResult, finetune } from "./finetune.ts";
export { finetuneSeeds, type SeedsResult } from "./finetune-seeds.ts";
export { type DraftOptions, loadDraft } from "./load-draft.ts";
export { type Pipeline, type PipelineInput, pipeline } from "./pipeline.ts";
export { type FinetunePlan, planFinetune } from "./plan-finetune.ts";
export type { TaskData } from "./prepare-finetune.ts";
export { fieldsOf, taskNames, writesText } from "./registry.ts";
export { type SelfPretraining, selfPretrainTokenizer } from "./self-pretraining/self-pretrain.ts";
export type { OpenTask, Prediction, Score, ScoreCollector, TaskSettings } from "./task.ts";
export { openTrainedTask, type SavedTaskRecipe } from "./trained-task.ts";
