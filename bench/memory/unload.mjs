/**
 * Whether memory is returned when a server unloads a model: the process's resident size while two models take turns under a limit that
 * holds one of them.
 *
 *     node bench/memory/unload.mjs SMALL LARGE LIMIT_GB [--turns 5]
 *
 * Both are runs or checkpoints that generate text; LARGE alone must fit.
 */
import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { startServer } from "@megatron-ts/server";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { turns: { type: "string", default: "5" } },
});
const [small, large, limit] = positionals;
const resident = () => Math.round(Number(/VmRSS:\s+(\d+)/.exec(readFileSync("/proc/self/status", "utf8"))[1]) / 1024);
const loaded = new Map();
const server = await startServer({
  ...{ checkpoint: small, name: "small", others: [{ checkpoint: large, name: "large" }], port: 0 },
  ...{ memoryLimit: Number(limit) * 1e9, threads: 1, cacheTokens: 1024 },
  onModel: ({ model, event, bytes }) => event === "loaded" && loaded.set(model, bytes),
});
await server.ready;

async function ask(model) {
  const body = JSON.stringify({ model, prompt: "the", max_tokens: 16, temperature: 0 });
  const answer = await fetch(`${server.url}/v1/completions`, { method: "POST", body });
  if (answer.status !== 200) throw new Error(`${model}: ${await answer.text()}`);
  return resident();
}

console.log(`at the start: ${resident()} MB resident`);
for (let turn = 0; turn < Number(values.turns); turn++) {
  console.log(`large loaded: ${await ask("large")} MB; unloaded, small loaded: ${await ask("small")} MB`);
}
for (const [model, bytes] of loaded) console.log(`${model} takes ${Math.round(bytes / 1e6)} MB`);
await server.close();
process.exit(0);
