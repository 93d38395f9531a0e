/** `megatron doctor`: shows the machine, and which compute backends run on it and how fast. */
import { cpus, freemem, totalmem } from "node:os";
import type { BackendDescription } from "@megatron-ts/engine";
import type { Command } from "commander";
import { addExamples, addJsonOption } from "../options/common-options.ts";
import type { Terminal } from "../terminal/terminal.ts";

export function addDoctor(program: Command, terminal: Terminal): void {
  const command = program
    .command("doctor")
    .description("check the system and its compute backends")
    .action((options: { json?: boolean }) => run(options, terminal));
  addExamples(addJsonOption(command), ["megatron doctor", "megatron doctor --json"]);
}

async function run({ json }: { json?: boolean }, terminal: Terminal): Promise<void> {
  const machine = {
    node: process.version,
    platform: `${process.platform} ${process.arch}`,
    processor: cpus()[0]?.model.trim() ?? "unknown",
    processors: cpus().length,
    memoryGigabytes: totalmem() / 1e9,
    freeMemoryGigabytes: freemem() / 1e9,
  };
  const backends = await measureBackends(terminal);
  if (json) return terminal.json({ ...machine, backends });

  terminal.print(`node       ${machine.node}, ${machine.platform}`);
  terminal.print(`processor  ${machine.processors} x ${machine.processor}`);
  terminal.print(
    `memory     ${machine.memoryGigabytes.toFixed(1)} GB, ${machine.freeMemoryGigabytes.toFixed(1)} GB free`,
  );
  terminal.print("");
  for (const line of backendTable(backends)) terminal.print(line);
  terminal.print("* default; choose another with --backend or MEGATRON_BACKEND");
  const chosen = backends.find((backend) => backend.default);
  if (chosen) terminal.print(await precisionLine(chosen));
}

async function precisionLine(backend: BackendDescription): Promise<string> {
  const { fastestPrecision } = await import("@megatron-ts/engine");
  return fastestPrecision(backend) === "bf16"
    ? "`megatron start` trains in bf16, which this processor multiplies in hardware"
    : "`megatron start` trains in f32: the default backend has no fast bf16 products here";
}

async function measureBackends(terminal: Terminal): Promise<BackendDescription[]> {
  const { backends, describeBackends } = await import("@megatron-ts/engine");
  const progress = terminal.progress("benchmarking");
  const names = Object.keys(backends);
  const descriptions = await describeBackends({
    measure: true,
    onBackend: (name) => progress.update(names.indexOf(name) / names.length, name),
  });
  progress.stop();
  return descriptions;
}

/** Formats a line of headings, then a line per backend: its measurements, or why it is not available. */
export function backendTable(backends: readonly BackendDescription[]): string[] {
  const columns = (threads: string, gemm: string, memory: string, sets: string) =>
    `${threads.padStart(7)}  ${gemm.padStart(7)}  ${memory.padStart(6)}  ${sets}`.trimEnd();
  const rows = backends.map((backend) => {
    const { name, unavailableReason, threads, gemmGigaflops, memoryGigabytesPerSecond, instructionSets } = backend;
    const facts =
      unavailableReason === null
        ? columns(
            String(threads),
            gemmGigaflops?.toFixed(1) ?? "",
            memoryGigabytesPerSecond?.toFixed(1) ?? "",
            instructionSets.join(" "),
          )
        : `not available: ${unavailableReason}`;
    return `${backend.default ? "*" : " "} ${name.padEnd(10)}  ${facts}`;
  });
  return [`  ${"backend".padEnd(10)}  ${columns("threads", "GFLOP/s", "GB/s", "instruction sets")}`, ...rows];
}
