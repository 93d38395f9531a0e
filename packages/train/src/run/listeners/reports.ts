/** Emits a report of every `train.log.every` steps, of the first step, and of the steps left at the end. */
import { addStep, emptyInterval, type Interval, reportInterval } from "../../logging/interval-report.ts";
import { noiseScaleOf } from "../../step/noise-scale.ts";
import { type RunListener, type TrainingRun, timeLimitSeconds } from "../training-run.ts";

export function createReports(run: TrainingRun): RunListener {
  const limit = timeLimitSeconds(run);
  const { every } = run.configuration.train.log;
  const firstStep = run.state.step + 1;
  let interval: Interval = emptyInterval;

  function report(): void {
    if (interval.steps === 0) return;
    const { consumedSamples, trainedSeconds, noiseScale } = run.state;
    const { totalSamples } = run;
    const measured = reportInterval(interval, { consumedSamples, totalSamples });
    const secondsLeft = Math.min(measured.secondsLeft, limit - trainedSeconds);
    const report = { ...measured, secondsLeft };
    run.emit({ type: "report", report, noise: noiseScaleOf(noiseScale), energy: run.energy.use() });
    interval = emptyInterval;
  }

  return {
    onStep(result) {
      const { step } = run.state;
      interval = addStep(interval, { step, ...result });
      // The first step at once: on a slow machine an interval is long.
      if (step === firstStep || step % every === 0) report();
    },
    onEnd: report,
  };
}
