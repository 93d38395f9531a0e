/** `megatron bench serve`: puts load on a server and measures it, by vLLM's definitions. */
import type { Command } from "commander";
import { UsageError } from "../errors.ts";
import { addExamples, addJsonOption } from "../options/common-options.ts";
import { integer, nonEmpty, number } from "../options/option-values.ts";
import { readSmallFile } from "../read-small-file.ts";
import type { Terminal } from "../terminal/terminal.ts";

interface Options {
  requests: number;
  rate?: number;
  concurrency?: number;
  promptTokens: number;
  maxTokens: number;
  goodput?: string[];
  apiKeyFile?: string;
  seed: number;
  json?: boolean;
}

export function addBenchServe(bench: Command, terminal: Terminal): void {
  const command = bench
    .command("serve")
    .usage("<url> [options]")
    .description("put load on a server with OpenAI's API, and measure latencies and throughput")
    .argument("<url>", "the server, such as http://127.0.0.1:8000", nonEmpty)
    .option("--requests <n>", "number of requests", integer(1), 100)
    .option("--rate <r>", "requests per second, by a Poisson process (default: all at once)", number)
    .option("--concurrency <n>", "the most requests at a time (default: no limit)", integer(1))
    .option("--prompt-tokens <n>", "tokens of each prompt", integer(1), 64)
    .option("--max-tokens <n>", "tokens to generate for each", integer(1), 64)
    .option("--goodput <objectives...>", "milliseconds that count as good: ttft:200 tpot:50 e2el:5000")
    .option("--api-key-file <file>", "file whose first line is the key to send", nonEmpty)
    .option("--seed <n>", "random seed", integer(0), 0)
    .action((url: string, options: Options) => run(url, options, terminal));
  addExamples(addJsonOption(command), [
    "megatron bench serve http://127.0.0.1:8000 --requests 200 --rate 20",
    "megatron bench serve http://127.0.0.1:8000 --concurrency 8 --prompt-tokens 512 --goodput ttft:500 tpot:50",
  ]);
}

async function run(url: string, options: Options, terminal: Terminal): Promise<void> {
  const { measureServer } = await import("@megatron-ts/server");
  if (!URL.canParse(url)) throw new UsageError(`expected the URL of a server, got ${url}`);
  if (options.rate !== undefined && options.rate <= 0) throw new UsageError(`--rate must be > 0, got ${options.rate}`);
  const objectives = options.goodput && Object.fromEntries(options.goodput.map(parseObjective));
  const apiKey = options.apiKeyFile && readSmallFile(options.apiKeyFile).toString().split("\n")[0]!.trim();
  const progress = terminal.progress("requests");
  const report = await measureServer({
    ...options,
    url: url.replace(/\/+(v1\/*)?$/, ""),
    rate: options.rate ?? Number.POSITIVE_INFINITY,
    concurrency: options.concurrency ?? Number.POSITIVE_INFINITY,
    apiKey,
    objectives,
    onProgress: (fraction) => progress.update(fraction, ""),
  }).finally(() => progress.stop());
  if (options.json) return terminal.json(report);
  const failed = Object.entries(report.failed).map(([reason, count]) => `${count} x ${reason}`);
  terminal.print(`completed ${report.completed} in ${report.duration.toFixed(1)} s; failed ${failed.join(", ") || 0}`);
  terminal.print(
    `${report.requestsPerSecond.toFixed(2)} requests/s, ${report.generatedTokensPerSecond.toFixed(1)} tokens/s generated`,
  );
  if (report.goodput !== null) terminal.print(`goodput ${report.goodput.toFixed(2)} requests/s`);
  terminal.print("ms      mean    median       p90       p99");
  for (const name of ["ttft", "tpot", "itl", "e2el"] as const) {
    const { mean, median, p90, p99 } = report[name];
    terminal.print(name.padEnd(4) + [mean, median, p90, p99].map((value) => value.toFixed(1).padStart(10)).join(""));
  }
}

function parseObjective(text: string): [string, number] {
  const [, name, milliseconds] = /^(ttft|tpot|e2el):(\d+(?:\.\d+)?)$/.exec(text) ?? [];
  if (name !== undefined) return [name, Number(milliseconds)];
  throw new UsageError(`--goodput: expected ttft:, tpot: or e2el: and milliseconds, such as ttft:200, got ${text}`);
}
