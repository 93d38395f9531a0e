/** `--profile trace.json`: writes a Chrome trace of every kernel call and prints the time per kernel. */
import { writeFileSync } from "node:fs";
import type { KernelEvent } from "@megatron-ts/engine";
import type { Command } from "commander";
import type { Terminal } from "./terminal/terminal.ts";

export const addProfileOption = (command: Command): Command =>
  command.option("--profile <file>", "write a Chrome trace (chrome://tracing, Perfetto) and print the time per kernel");

/** Runs f, profiled if a file is given. The engine must have been started. */
export async function withProfile<Result>(
  file: string | undefined,
  f: () => Promise<Result>,
  terminal: Terminal,
): Promise<Result> {
  if (file === undefined) return f();
  const { startProfile, stopProfile } = await import("@megatron-ts/engine");
  await startProfile();
  const began = performance.now();
  try {
    return await f();
  } finally {
    const events = await stopProfile();
    const elapsed = performance.now() - began;
    writeTrace(file, events);
    for (const line of profileTable(events, elapsed)) terminal.log(line);
    terminal.log(`wrote ${events.length} kernel calls to ${file}`);
  }
}

/** Writes the trace. A system error has the path of the file, which Node leaves out for a full disk. */
export function writeTrace(file: string, events: readonly KernelEvent[]): void {
  try {
    writeFileSync(file, JSON.stringify({ traceEvents: traceEvents(events) }));
  } catch (error) {
    throw Object.assign(error as Error, { path: file });
  }
}

/** Complete events (ph: X) of the Chrome trace format, in microseconds. */
export const traceEvents = (events: readonly KernelEvent[]) =>
  events.map(({ name, shapes, bytes, flops, start, duration }) => ({
    name,
    ph: "X",
    ts: start * 1000,
    dur: duration * 1000,
    pid: 1,
    tid: 1,
    args: {
      shapes: shapes.map((shape) => `[${shape}]`).join(" "),
      bytes,
      ...(flops > 0 ? { gigaflopsPerSecond: flops / duration / 1e6 } : {}),
    },
  }));

/** Formats a line per kernel, slowest first, and one for the time outside kernels. */
export function profileTable(events: readonly KernelEvent[], elapsedMilliseconds: number): string[] {
  const kernels = new Map<string, { calls: number; milliseconds: number; flops: number; bytes: number }>();
  for (const { name, duration, flops, bytes } of events) {
    const sum = kernels.get(name) ?? { calls: 0, milliseconds: 0, flops: 0, bytes: 0 };
    sum.calls++;
    sum.milliseconds += duration;
    sum.flops += flops;
    sum.bytes += bytes;
    kernels.set(name, sum);
  }
  const rows = [...kernels].sort(([, a], [, b]) => b.milliseconds - a.milliseconds);
  const inside = rows.reduce((sum, [, { milliseconds }]) => sum + milliseconds, 0);
  const line = (name: string, calls: string, milliseconds: number, rate: string) => {
    const share = `${((100 * milliseconds) / elapsedMilliseconds).toFixed(1)} %`;
    return `${name.padEnd(32)} ${calls.padStart(8)} ${milliseconds.toFixed(1).padStart(10)} ms ${share.padStart(7)}  ${rate}`.trimEnd();
  };
  return [
    ...rows.map(([name, { calls, milliseconds, flops, bytes }]) => {
      const rate =
        flops > 0
          ? `${(flops / milliseconds / 1e6).toFixed(0)} GFLOP/s`
          : `${(bytes / milliseconds / 1e6).toFixed(1)} GB/s`;
      return line(name, String(calls), milliseconds, rate);
    }),
    line("outside kernels", "", elapsedMilliseconds - inside, ""),
  ];
}
