/** Times and meters a run of a comparison, shows its progress, and stops it at a signal. */
import { listenForStop, type RunEvent, type RunOptions } from "@megatron-ts/train";
import type { Terminal } from "../terminal/terminal.ts";

/** What runs report to. */
export interface RunWatch {
  terminal: Terminal;
}

/** The comparison was stopped by a signal: what is finished is saved. */
class StoppedError extends Error {
  override readonly name = "StoppedError";
  readonly userError = true;
}

/** Runs something that trains; its energy is that of the whole run, its seconds those since it was last resumed. */
export async function runInTime<Result extends { reason: string }>(
  title: string,
  { terminal }: RunWatch,
  run: (options: Pick<RunOptions, "stop" | "onEvent">) => Promise<Result>,
): Promise<{ seconds: number; wattHours: number; result: Result }> {
  const bar = terminal.progress(title);
  const stop = listenForStop({ onRequest: (signal) => terminal.log(`${signal}: saving a checkpoint`) });
  const start = performance.now();
  let wattHours = 0;
  const onEvent = (event: RunEvent) => {
    if (event.type === "step") bar.update(event.fraction, `loss ${event.loss.toFixed(3)}`);
    if (event.type === "finished") wattHours = 1000 * event.energy.kilowattHours;
  };
  try {
    const result = await run({ stop, onEvent });
    if (result.reason === "stopped") throw new StoppedError("stopped: rerun the same command to resume");
    const seconds = (performance.now() - start) / 1000;
    terminal.log(`${title}: ${seconds.toFixed(0)} s`);
    return { seconds, wattHours, result };
  } finally {
    bar.stop();
    stop.dispose();
  }
}
