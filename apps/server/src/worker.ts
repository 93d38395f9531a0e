/** The module of the engine's thread, built next to the server. */
import { parentPort, workerData } from "node:worker_threads";
import { start } from "@megatron-ts/engine";
import { createEngine } from "./engine/engine.ts";
import type { EngineData, EngineMessage, EngineRequest } from "./engine/protocol.ts";

const port = parentPort!;
const send = (message: EngineMessage) => port.postMessage(message);
const data = workerData as EngineData;
try {
  await start({ backend: data.backend, threads: data.threads });
  const engine = await createEngine(data, send);
  port.on("message", (request: EngineRequest) => engine.handle(request));
  send({ type: "ready", info: engine.info });
} catch (error) {
  const { name, message, stack = "", userError } = error as Error & { userError?: boolean };
  send({ type: "failed", name, message, stack, userError });
}
