/** `megatron doctor`: what this machine has, which backends run on it, how fast each is, and what others lack. */
import { cpus, freemem, totalmem } from "node:os";
import type { BackendDescription } from "@megatron-ts/engine";
import type { Command } from "commander";
import { addExamples, addJsonOption } from "../options/common-options.ts";
import type { Terminal } from "../terminal/terminal.ts";

export function addDoctor(program: Command, terminal: Terminal): void {
  const command = program
    .command("doctor")
    .description("show which backends run here, how fast, and what the others lack")
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
  const backends = await examineBackends(terminal);
  if (json) return terminal.print(JSON.stringify({ ...machine, backends }));

  terminal.print(`node       ${machine.node}, ${machine.platform}`);
  terminal.print(`processor  ${machine.processors} x ${machine.processor}`);
  terminal.print(
    `memory     ${machine.memoryGigabytes.toFixed(1)} GB, ${machine.freeMemoryGigabytes.toFixed(1)} GB of it free`,
  );
  terminal.print("");
  for (const line of backendTable(backends, terminal)) terminal.print(line);
  terminal.print("* is used unless --backend or MEGATRON_BACKEND names another");
}

async function examineBackends(terminal: Terminal): Promise<BackendDescription[]> {
  const { backends, describeBackends } = await import("@megatron-ts/engine");
  const progress = terminal.progress("measuring");
  const names = Object.keys(backends);
  const descriptions = await describeBackends({
    measure: true,
    onBackend: (name) => progress.update(names.indexOf(name) / names.length, name),
  });
  progress.stop();
  return descriptions;
}

/** A line of headings, then a line for each backend: its measurements, or why it does not run. */
export function backendTable(backends: BackendDescription[], { paint }: Pick<Terminal, "paint">): string[] {
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
        : `does not run here: ${unavailableReason}`;
    return `${backend.default ? "*" : " "} ${paint("bold", name.padEnd(10))}  ${facts}`;
  });
  return [`  ${"backend".padEnd(10)}  ${columns("threads", "GFLOP/s", "GB/s", "instruction sets")}`, ...rows];
}
