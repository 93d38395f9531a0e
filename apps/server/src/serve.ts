/** Starts the server: listens, loads the model in the engine's thread, and ends in order. */
import type { Server } from "node:http";
import { start } from "@megatron-ts/engine";
import type { ModelInfo } from "./engine/protocol.ts";
import { createApp } from "./http/app.ts";
import { listen, urlOf } from "./http/listen.ts";
import { createMetrics } from "./http/metrics.ts";
import type { ServerState } from "./http/server-state.ts";
import { createModelPool } from "./models/model-pool.ts";
import { modelSources } from "./models/model-sources.ts";
import type { ServerOptions } from "./options.ts";
import { checkRunsDirectory } from "./runs/find-runs.ts";

/** A server that listens. */
export interface RunningServer {
  /** Where it is reached, without a path. */
  readonly url: string;
  /** The names of the models and adapters in requests; the first is meant where a request has none. */
  readonly names: readonly [string, ...string[]];
  /** The backend of the engine, and its threads. */
  readonly engine: { backend: string; threads: number };
  /** Resolves when the first model is loaded; until then requests get the status 503. Rejects if it cannot be loaded. */
  readonly ready: Promise<ModelInfo>;
  /** Rejects if the engine fails later; never resolves. */
  readonly failed: Promise<never>;
  /** Takes no more requests, lets those in progress end, and stops. A second call ends them at once. */
  close(): Promise<void>;
}

/** The built engine: next to this file in the built package, or in dist/ when running from the sources. */
function builtWorker(): URL {
  const fromSources = import.meta.url.endsWith(".ts");
  return new URL(fromSources ? "../dist/worker.js" : "./worker.js", import.meta.url);
}

/**
 * Starts a server for a checkpoint. Resolves when it listens. Throws a ServerError for a port in use, for models that cannot be
 * served together and for runs that are no directory, and what checkpoints and the engine throw.
 */
export async function startServer(options: ServerOptions): Promise<RunningServer> {
  const { maxSequences = 16, maxQueue = 256, memoryLimit = null, precision = "f32" } = options;
  const sources = modelSources(options, { precision, memoryLimit });
  if (options.runs !== undefined) checkRunsDirectory(options.runs);
  // This thread computes nothing; it finds out what the machine has, and loads the addon before the engine's thread does.
  const { backend, threads } = await start({ backend: options.backend, threads: options.threads });
  const metrics = createMetrics();
  const { cacheTokens, chatTemplate, data, followSeconds } = options;
  const models = createModelPool(sources, {
    engine: { backend, threads, precision, maxSequences, cacheTokens, chatTemplate, data },
    workerFile: options.workerFile ?? builtWorker(),
    memoryLimit,
    onStep: metrics.onStep,
    onModel: options.onModel ?? (() => {}),
  });
  const state: ServerState = {
    models,
    metrics,
    created: Math.floor(Date.now() / 1000),
    maxBodyBytes: options.maxBodyBytes ?? 4 * 2 ** 20,
    maxPending: maxSequences + maxQueue,
    isClosing: false,
  };
  const {
    apiKeys = [],
    publicModels = false,
    allowReload = false,
    onRequest = () => {},
    corsOrigins = [],
    runs,
    pageDirectory,
  } = options;
  const app = createApp(state, { apiKeys, publicModels, allowReload, onRequest, corsOrigins, runs, pageDirectory });
  let server: Server;
  try {
    server = await listen(app, options);
  } catch (error) {
    await models.close();
    throw error;
  }
  const follow =
    followSeconds === undefined ? undefined : setInterval(() => void models.refresh(), 1000 * followSeconds);
  return {
    url: urlOf(server),
    names: [
      sources[0].name,
      ...models
        .list()
        .slice(1)
        .map(({ name }) => name),
    ],
    engine: { backend, threads },
    ready: models.ready,
    failed: models.failed,
    close: createClose(server, { state, drainSeconds: options.drainSeconds ?? 30, follow }),
  };
}

function createClose(
  server: Server,
  { state, drainSeconds, follow }: { state: ServerState; drainSeconds: number; follow?: NodeJS.Timeout },
) {
  let closing: Promise<void> | null = null;
  async function close() {
    state.isClosing = true;
    clearInterval(follow);
    const ended = new Promise((resolve) => server.close(resolve));
    server.closeIdleConnections();
    const timer = setTimeout(() => server.closeAllConnections(), 1000 * drainSeconds);
    await ended;
    clearTimeout(timer);
    await state.models.close();
  }
  return async () => {
    if (closing) server.closeAllConnections();
    closing ??= close();
    await closing;
  };
}
