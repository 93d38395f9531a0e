/** `megatron runs`: shows training runs in a page, live, without a model. */
import type { Command } from "commander";
import { addExamples, addJsonOption } from "../options/common-options.ts";
import { integer, nonEmpty } from "../options/option-values.ts";
import type { Terminal } from "../terminal/terminal.ts";
import { untilSignal } from "../terminal/until-signal.ts";

interface Options {
  host: string;
  port: number;
  json?: boolean;
}

export function addRuns(program: Command, terminal: Terminal): void {
  const command = program
    .command("runs")
    .usage("[directory] [options]")
    .description("show training runs in a page, live: loss, learning rate, speed, energy, side by side")
    .argument("[directory]", "directory with runs", "runs")
    .option("--host <address>", "address to listen on; 0.0.0.0 for other machines to reach it", nonEmpty, "127.0.0.1")
    .option("--port <n>", "port; 0 for any that is free", integer(0, 65_535), 8001)
    .action((directory: string, options: Options) => run(directory, options, terminal));
  addExamples(addJsonOption(command), ["megatron runs", "megatron runs experiments --port 8080"]);
}

async function run(directory: string, { host, port, json }: Options, terminal: Terminal): Promise<void> {
  const { serveRuns } = await import("@megatron-ts/server");
  const server = await serveRuns({ directory, host, port });
  if (json) terminal.json({ url: server.url });
  else terminal.print(`runs in ${directory}: ${server.url}`);
  await untilSignal();
  await server.close();
}
