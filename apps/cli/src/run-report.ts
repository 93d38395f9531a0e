/** Reports a training run: a line per log interval, evaluation and checkpoint, and a progress bar updated every step. */
import type { RunEvent } from "@megatron-ts/train";
import type { Terminal } from "./terminal/terminal.ts";

/** How a run ended, in words. */
export const endings = {
  completed: "completed",
  "already complete": "already complete",
  "time limit": "stopped at the time limit",
  "no improvement": "stopped, since validation no longer improves,",
  stopped: "stopped (continue with --resume auto)",
} as const;

export async function createRunReport(terminal: Terminal): Promise<{ show(event: RunEvent): void; close(): void }> {
  const train = await import("@megatron-ts/train");
  const { formatBytes, formatCount, formatDifference, formatDuration, formatEnergy, formatEvaluation, formatQuantity } =
    train;
  let totals = { steps: 0, samples: 0 };
  const bar = terminal.progress("training");

  function show(event: RunEvent): void {
    if (event.type === "started") {
      totals = { steps: event.steps, samples: event.totalSamples };
      const weights = event.initCheckpoint ? `with the weights of ${event.initCheckpoint} ` : "";
      const from = event.resumedFrom ? `resumed from ${event.resumedFrom} at` : `${weights}from`;
      const part = event.trained < event.parameters ? ` (${formatCount(event.trained)} trained)` : "";
      const size = `${formatCount(event.parameters)} parameters${part}`;
      const samples = `${formatCount(event.totalSamples)} samples in all`;
      terminal.log(`${size}, ${from} step ${event.step} of ${event.steps}, ${samples}`);
    } else if (event.type === "changed") {
      terminal.log(`changed since the checkpoint: ${formatDifference(event)}`);
    } else if (event.type === "damaged") {
      terminal.log(`warning: ${event.reason}; resuming from an earlier checkpoint`);
    } else if (event.type === "step") {
      const { loss, tokensPerSecond, fraction, secondsLeft } = event;
      const speed = `${formatCount(tokensPerSecond)} tokens/s`;
      bar.update(fraction, `loss ${loss.toFixed(3)} | ${speed} | ${formatDuration(secondsLeft)} left`);
    } else if (event.type === "report") {
      const { report, noise, ranks } = event;
      const advice = noise
        ? ` | noise scale ${formatQuantity(noise.noiseScale)}, suggests batch ${noise.suggestedBatchSize}`
        : "";
      const straggler = ranks && train.describeStraggler(ranks);
      terminal.log(train.formatReport(report, totals, { width: terminal.width - advice.length }) + advice);
      if (straggler) terminal.log(straggler);
    } else if (event.type === "evaluated") {
      const { step, metric, result, scores } = event;
      terminal.log(formatEvaluation({ step, metric, ...result, scores }, totals));
    } else if (event.type === "saved") {
      terminal.log(`saved ${event.directory}`);
    } else if (event.type === "finished") {
      const { tensors, resident } = event.memory;
      const most = tensors === null ? "" : `${formatBytes(tensors)} of tensors, `;
      terminal.log(`used ${formatEnergy(event.energy)} (${event.energyMethod})`);
      terminal.log(`peak memory: ${most}${formatBytes(resident)} resident`);
    }
  }
  return { show, close: () => bar.stop() };
}
