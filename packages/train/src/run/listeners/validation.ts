/**
 * Evaluates every `train.evaluation.every` steps and at the end, advances a schedule that depends on the loss, and counts
 * evaluations without a better one.
 */
import { evaluate } from "../../evaluation/evaluate.ts";
import { NonFiniteError } from "../events.ts";
import type { RunListener, TrainingRun, Validation } from "../training-run.ts";

export function createValidation(run: TrainingRun): RunListener {
  const { train, engine } = run.configuration;
  const { evaluation } = train;
  const batches = run.batches.validation;
  if (!evaluation || (!batches && !run.validate)) return {};

  async function meanLoss(): Promise<Validation> {
    const { microBatchSize } = train;
    const options = { maxBatches: evaluation!.batches, microBatchSize, precision: engine.precision };
    const result = await evaluate(run, batches!, options);
    return { result, scores: {}, criterion: result.loss };
  }

  async function validate(): Promise<void> {
    const measure = () => (run.validate ? run.validate(run.model) : meanLoss());
    const { result, scores, criterion } = await (run.average ? run.average.use(measure) : measure());
    const { step } = run.state;
    run.emit({ type: "evaluated", step, metric: run.metric, result, ...(run.validate && { scores }) });
    if (!Number.isFinite(result.loss)) {
      throw new NonFiniteError(
        `step ${step}: the validation loss is ${result.loss}; the last checkpoint is intact: lower the learning rate, then resume`,
      );
    }
    run.validation = { step, criterion };
    if (run.patience !== null) run.state = { ...run.state, best: nextBest(run.state.best, criterion) };
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

/** The best criterion so far, and how many evaluations have come after it. */
function nextBest(best: { criterion: number; age: number } | undefined, criterion: number) {
  if (best === undefined || criterion < best.criterion) return { criterion, age: 0 };
  return { criterion: best.criterion, age: best.age + 1 };
}
