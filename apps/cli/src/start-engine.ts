/** Starts the engine for a command, and logs which backend was chosen and why. */
import type { StartedEngine } from "@megatron-ts/engine";
import type { EngineOptions } from "./options/common-options.ts";
import type { Terminal } from "./terminal/terminal.ts";

export async function startEngine({ backend, threads }: EngineOptions, terminal: Terminal): Promise<StartedEngine> {
  const { start } = await import("@megatron-ts/engine");
  const engine = await start({ backend, threads });
  const requested = backend ?? process.env.MEGATRON_BACKEND ?? "auto";
  const others = engine.skipped.length > 0 ? `; not ${engine.skipped.join("; not ")}` : "";
  const why = requested === "auto" ? `fastest available${others}` : "as requested";
  const count = engine.threads === 1 ? "1 thread" : `${engine.threads} threads`;
  terminal.log(`engine: ${engine.backend}, ${count} (${why})`);
  return engine;
}
