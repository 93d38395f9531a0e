/** Starts the engine for a verb, and says in one line which backend runs and why. */
import type { EngineOptions } from "./options/common-options.ts";
import type { Terminal } from "./terminal/terminal.ts";

export async function startEngine({ backend, threads }: EngineOptions, terminal: Terminal): Promise<void> {
  const { start } = await import("@megatron-ts/engine");
  const engine = await start({ backend, threads });
  const asked = backend ?? process.env.MEGATRON_BACKEND ?? "auto";
  const others = engine.skipped.length > 0 ? `; not ${engine.skipped.join("; not ")}` : "";
  const why = asked === "auto" ? `the fastest that runs here${others}` : "as asked";
  const count = engine.threads === 1 ? "1 thread" : `${engine.threads} threads`;
  terminal.log(`engine: ${engine.backend}, ${count} (${why})`);
}
