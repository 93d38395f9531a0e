/** `megatron doctor`: what this machine has, which backends run on it, how fast each multiplies, and what others lack. */
import { cpus, freemem, totalmem } from "node:os";
import type { Command } from "commander";
import { addExamples, addJsonOption } from "../common-options.ts";
import type { Terminal } from "../terminal.ts";

interface BackendReport {
  name: string;
  description: string;
  /** Null where it runs, else what is missing. */
  unusable: string | null;
  default: boolean;
  threads: number | null;
  gemmGigaflops: number | null;
}

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
  terminal.print("backends");
  for (const backend of backends) {
    const { name, description, unusable, threads, gemmGigaflops } = backend;
    const mark = backend.default ? "*" : " ";
    terminal.print(`${mark} ${terminal.paint("bold", name.padEnd(10))} ${description}`);
    const facts = `runs: ${threads === 1 ? "1 thread" : `${threads} threads`}, ${gemmGigaflops?.toFixed(1)} GFLOP/s`;
    terminal.print(`             ${unusable === null ? facts : `does not run here: ${unusable}`}`);
  }
  terminal.print("* is used unless --backend or MEGATRON_BACKEND names another");
}

async function examineBackends(terminal: Terminal): Promise<BackendReport[]> {
  const { backends, preference, start } = await import("@megatron-ts/engine");
  const reports: BackendReport[] = [];
  const progress = terminal.progress("measuring");
  for (const [name, { description, unusable }] of Object.entries(backends)) {
    progress.update(reports.length / Object.keys(backends).length, name);
    const missing = await unusable();
    const threads = missing === null ? (await start({ backend: name })).threads : null;
    const gemmGigaflops = missing === null ? await measureGemm() : null;
    reports.push({ name, description, unusable: missing, default: false, threads, gemmGigaflops });
  }
  progress.stop();
  const first = preference.find((name) => reports.some((report) => report.name === name && report.unusable === null));
  return reports.map((report) => ({ ...report, default: report.name === first }));
}

const GEMM_SIZE = 512;
const MEASURED_MILLISECONDS = 300;

/** GFLOP/s of a square matrix product on the backend that runs: the best of several. */
async function measureGemm(): Promise<number> {
  const tf = await import("@tensorflow/tfjs");
  const [a, b] = [1, 2].map((seed) => tf.randomUniform([GEMM_SIZE, GEMM_SIZE], -1, 1, "float32", seed));
  const milliseconds = () => {
    const began = performance.now();
    const product = tf.matMul(a!, b!);
    product.dataSync();
    product.dispose();
    return performance.now() - began;
  };
  milliseconds();
  let best = Number.POSITIVE_INFINITY;
  for (let spent = 0; spent < MEASURED_MILLISECONDS; ) {
    const took = milliseconds();
    spent += took;
    best = Math.min(best, took);
  }
  tf.dispose([a!, b!]);
  return (2 * GEMM_SIZE ** 3) / best / 1e6;
}
