/** Emits an event after each step: the loss, the pace and the time left. */
import { type RunListener, type TrainingRun, timeLimitSeconds } from "../training-run.ts";

export function createProgress(run: TrainingRun): RunListener {
  const limit = timeLimitSeconds(run);
  const { steps } = run.configuration.train;
  return {
    onStep({ loss, tokens, seconds }) {
      const { step, trainedSeconds } = run.state;
      run.emit({
        type: "step",
        step,
        loss,
        tokensPerSecond: tokens / seconds,
        fraction: Math.max(step / steps, trainedSeconds / limit),
        secondsLeft: Math.max(0, Math.min((steps - step) * seconds, limit - trainedSeconds)),
      });
    },
  };
}
