/** Evaluates every `train.evaluation.every` steps and at the end, and advances a schedule that depends on the loss. */
import { evaluate } from "../../evaluation/evaluate.ts";
import { NonFiniteError } from "../events.ts";
import type { RunListener, TrainingRun } from "../training-run.ts";

export function createValidation(run: TrainingRun): RunListener {
  const { train, engine } = run.configuration;
  const { evaluation } = train;
  const batches = run.batches.validation;
  if (!evaluation || !batches) return {};

  async function validate(): Promise<void> {
    const { microBatchSize } = train;
    const options = { maxBatches: evaluation!.batches, microBatchSize, precision: engine.precision };
    const measure = () => evaluate(run, batches!, options);
    const result = await (run.average ? run.average.use(measure) : measure());
    const { step } = run.state;
    run.emit({ type: "evaluated", step, metric: run.metric, result });
    if (!Number.isFinite(result.loss)) {
      throw new NonFiniteError(
        `step ${step}: the validation loss is ${result.loss}; the last checkpoint is intact: lower the learning rate, then resume`,
      );
    }
    run.validation = { step, loss: result.loss };
    run.schedule = run.schedule.next(result.loss);
  }

  return {
    async onStep() {
      if (run.state.step % evaluation.every === 0) await validate();
    },
    async onEnd(reason) {
      if (reason !== "stopped" && run.validation?.step !== run.state.step) await validate();
    },
  };
}
