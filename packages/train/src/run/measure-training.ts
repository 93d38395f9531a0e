/** Measures how fast this machine trains a configuration, without saving anything. */
import { createBatchSchedule } from "@megatron-ts/data";
import { withPrecision } from "@megatron-ts/ops";
import type { Tokenizer } from "@megatron-ts/tokenizer";
import { completeModel, type PretrainConfig } from "../configuration/pretrain-configuration.ts";
import { resolveObjective } from "../objectives/open-objective.ts";
import { captureLossAndGradients } from "../step/loss-and-gradients.ts";
import { buildTraining } from "./build-training.ts";
import { openDatasets } from "./datasets.ts";
import { openBatches } from "./open-batches.ts";
import { stepFlops, workloadTokens } from "./step-flops.ts";
import { createStepTimer } from "./step-timer.ts";
import { trainStep } from "./train-step.ts";

/** What one step of a configuration takes. */
export interface TrainingMeasurement {
  /** The fastest after the first, or what it would take on an idle machine: see `busy`. */
  secondsPerStep: number;
  /** Whether other programs interrupted every step, so that `secondsPerStep` follows from processor time. */
  busy: boolean;
  tokensPerStep: number;
  /** What the model needs; recomputation does not count. */
  flopsPerStep: number;
}

/**
 * Trains for `seconds`, at least three steps, and forgets the weights. The engine must be started; `threads` are the threads it
 * computes with. Throws a ConfigError or DataError as `pretrain` does.
 */
export async function measureTraining(
  configuration: PretrainConfig,
  { tokenizer, seconds, threads }: { tokenizer: Tokenizer; seconds: number; threads: number },
): Promise<TrainingMeasurement> {
  const { train, engine } = configuration;
  const config = completeModel(configuration.model, tokenizer);
  const resolved = { ...configuration, train: { ...train, objective: resolveObjective(train.objective, config) } };
  const datasets = await openDatasets(configuration.data, { evaluates: false, tokenizer });
  try {
    const batchSchedule = createBatchSchedule({ batchSize: train.batchSize });
    const { objective, batches } = openBatches(datasets, { resolved, config, tokenizer, batchSchedule });
    const { model, optimizer, average } = buildTraining(config, { train, step: 0, checkpoint: null, init: null });
    const steps = captureLossAndGradients();
    try {
      const timer = createStepTimer({ threads });
      const end = performance.now() + 1000 * seconds;
      while (timer.count < 3 || performance.now() < end) {
        const step = timer.count;
        // As small as in a warm-up: it need not learn.
        const learningRate = train.optimizer.learningRate / 1000;
        timer.time(() => {
          const batch = batches.training.at(step);
          withPrecision(engine.precision, () =>
            trainStep(batch, { model, objective, optimizer, compute: steps.compute, train, step, learningRate }),
          );
          average?.update(step + 1);
        });
        // Signals are delivered only when the loop yields.
        await new Promise((resolve) => setImmediate(resolve));
      }
      const workload = objective.workload(batches.training.at(0));
      const { seconds: secondsPerStep, busy } = timer.fastest();
      return {
        secondsPerStep,
        busy,
        tokensPerStep: workloadTokens(workload),
        flopsPerStep: stepFlops(model.config, workload),
      };
    } finally {
      steps.dispose();
      average?.dispose();
      optimizer.dispose();
      model.dispose();
    }
  } finally {
    datasets.close();
  }
}
