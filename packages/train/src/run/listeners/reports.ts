/** Emits a report of every `train.log.every` steps, of the first step, and of the steps left at the end. */
import { addStep, emptyInterval, type Interval, reportInterval } from "../../logging/interval-report.ts";
import { noiseScaleOf } from "../../step/noise-scale.ts";
import { createRankTimes } from "../rank-times.ts";
import { type RunListener, type TrainingRun, timeLimitSeconds } from "../training-run.ts";

export function createReports(run: TrainingRun): RunListener {
  const limit = timeLimitSeconds(run);
  const { every } = run.configuration.train.log;
  const firstStep = run.state.step + 1;
  const rankTimes = createRankTimes(run.model.mesh.world);
  let interval: Interval = emptyInterval;
  let ownSeconds = 0;

  function report(): void {
    if (interval.steps === 0) return;
    const { consumedSamples, trainedSeconds, noiseScale } = run.state;
    const { totalSamples } = run;
    const measured = reportInterval(interval, { consumedSamples, totalSamples });
    const secondsLeft = Math.min(measured.secondsLeft, limit - trainedSeconds);
    const report = { ...measured, secondsLeft };
    const ranks = rankTimes(ownSeconds / interval.steps);
    run.emit({ type: "report", report, noise: noiseScaleOf(noiseScale), energy: run.energy.use(), ranks });
    interval = emptyInterval;
    ownSeconds = 0;
  }

  return {
    onStep(result) {
      const { step } = run.state;
      interval = addStep(interval, { step, ...result });
      ownSeconds += result.ownSeconds;
      // The first step at once: on a slow machine an interval is long.
      if (step === firstStep || step % every === 0) report();
    },
    onEnd: report,
  };
}
