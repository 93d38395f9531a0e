/** What a fine-tuning takes before it starts: its steps, its parameters, and the memory of a step. */
import type { Tokenizer } from "@megatron-ts/tokenizer";
import { type CountMemory, type MemoryPlan, planKnownStep } from "@megatron-ts/train";
import type { FinetuneConfig } from "./configuration.ts";
import { firstStepOf, prepareFinetune, type TaskData } from "./prepare-finetune.ts";

/** A plan of a fine-tuning. */
export interface FinetunePlan {
  data: TaskData;
  family: string;
  /** Of the model, adapters included; and of what is trained of it. */
  parameters: number;
  trainedParameters: number;
  /** Updates, and rows of each. */
  steps: number;
  batchSize: number;
  /** Tokens of the longest row in the first micro-batch, which the memory is planned for. */
  tokens: number;
  /** Rows of a micro-batch. */
  microBatchSize: number;
  /** Of each rank. */
  memory: MemoryPlan;
}

/**
 * Plans a fine-tuning, as adapters too. `count`: `loadMemoryCounter` of the engine.
 * @throws TaskError, DataError, ConfigError or CheckpointError, the user's mistakes
 */
export function planFinetune(
  configuration: FinetuneConfig,
  { tokenizer, count }: { tokenizer: Tokenizer; count: CountMemory },
): FinetunePlan {
  const prepared = prepareFinetune(configuration, tokenizer);
  const { resolved, config, data } = prepared;
  const first = firstStepOf(prepared);
  const { step, memory } = planKnownStep(first, { count });
  return {
    data,
    family: config.family,
    parameters: step.parameters,
    trainedParameters: step.trainedParameters,
    steps: resolved.train.steps,
    batchSize: resolved.train.batchSize,
    tokens: first.tokens,
    microBatchSize: first.rows,
    memory,
  };
}
