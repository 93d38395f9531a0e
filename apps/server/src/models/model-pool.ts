/**
 * The models of a server: each has an engine in a thread of its own, which starts when a request first needs it and ends when
 * others need its memory, least recently used first.
 */
import { type EngineClient, type EngineRequests, type EngineStep, startEngineClient } from "../engine/engine-client.ts";
import type { EngineData, ModelInfo, ServedAdapter } from "../engine/protocol.ts";
import { ApiError, ServerError } from "../errors.ts";
import { modelsToUnload } from "./memory-budget.ts";

/** A model that can be served. */
export interface ModelSource {
  /** Its name in requests. */
  name: string;
  checkpoint: string;
  /** Served beside it, by names of their own. */
  adapters: readonly ServedAdapter[];
  /** Bytes of its weights. */
  weightBytes: number;
}

/** What happens to a model, for a log. */
export interface ModelEvent {
  model: string;
  event: "loaded" | "unloaded" | "failed";
  /** Bytes in memory, of a model that was loaded. */
  bytes?: number;
  message?: string;
}

/** A model that a request may use right away. */
export interface UsedModel {
  name: string;
  engine: EngineRequests;
  info: ModelInfo;
}

/** A model as it is listed. */
export interface ListedModel {
  name: string;
  /** Of an adapter: the model that it belongs to. */
  parent: string | null;
  /** Null until it has been loaded once. */
  info: ModelInfo | null;
}

/** Options of `createModelPool`. */
export interface ModelPoolOptions {
  /** What the engines of all models start with. */
  engine: Omit<EngineData, "checkpoint" | "adapters">;
  workerFile: URL;
  /** The most bytes that models take together; null for no limit. */
  memoryLimit: number | null;
  onStep: (model: string, step: EngineStep) => void;
  onModel: (event: ModelEvent) => void;
}

/** The models. */
export interface ModelPool {
  /** Resolves when the first model is loaded; rejects if it cannot be. */
  readonly ready: Promise<ModelInfo>;
  /** Rejects if an engine fails after it was loaded; never resolves. */
  readonly failed: Promise<never>;
  /** What is known of the first model; null until it is loaded, and after an engine has failed. */
  readonly info: ModelInfo | null;
  /** All models, in the order they were given in. */
  list(): ListedModel[];
  /** The name of the model that a request means; the first without a name. Throws an ApiError for one that is unknown. */
  resolve(name: string | null | undefined): string;
  /** Loads a model if need be. Throws an ApiError for one that is unknown, cannot be loaded, or has no room now. */
  use(name: string | null | undefined): Promise<UsedModel>;
  close(): Promise<void>;
}

interface Entry {
  source: ModelSource;
  engine: EngineClient | null;
  /** Set while it is loaded. */
  loading: Promise<EngineClient> | null;
  info: ModelInfo | null;
  lastUsed: number;
}

/** Creates the models, of which there is at least one, and starts to load the first. */
export function createModelPool(sources: readonly ModelSource[], options: ModelPoolOptions): ModelPool {
  const { workerFile, memoryLimit, onStep, onModel } = options;
  const entries = new Map(
    sources.map((source): [string, Entry] => [
      source.name,
      { source, engine: null, loading: null, info: null, lastUsed: 0 },
    ]),
  );
  const [first] = entries.values();
  let uses = 0;
  let isBroken = false;
  /** Loads come one after another, so that each knows what memory there is. */
  let turn: Promise<unknown> = Promise.resolve();
  let fail: (error: Error) => void = () => {};
  const failed = new Promise<never>((_, reject) => {
    fail = reject;
  });
  failed.catch(() => {});

  const bytesOf = ({ source, info }: Entry) => source.weightBytes + (info?.cacheBytes ?? 0);

  function checkSize(entry: Entry): void {
    if (memoryLimit === null || bytesOf(entry) <= memoryLimit) return;
    const { checkpoint } = entry.source;
    const needed = `${checkpoint}: weights and cache take ${bytesOf(entry)} bytes`;
    throw new ServerError(`${needed}, more than the memory limit of ${memoryLimit}: raise it, or cache fewer tokens`);
  }

  /** Unloads others until a model of this size fits. Throws an ApiError if requests use too many of them. */
  async function makeRoom(name: string, bytes: number): Promise<void> {
    if (memoryLimit === null) return;
    const held = [...entries.values()]
      .filter(({ engine }) => engine !== null)
      .map((entry) => ({
        entry,
        bytes: bytesOf(entry),
        lastUsed: entry.lastUsed,
        isIdle: entry.engine!.active === 0 && entry.source.name !== name,
      }));
    const unloaded = modelsToUnload(held, { bytes, limit: memoryLimit });
    if (!unloaded) {
      throw new ApiError(`the model ${name} must wait: requests to other models use the memory`, {
        status: 503,
        code: "model_not_loaded",
        retryAfter: 5,
      });
    }
    for (const { entry } of unloaded) await unload(entry);
  }

  async function unload(entry: Entry): Promise<void> {
    const { engine } = entry;
    entry.engine = null;
    // A request may have got it in this very moment.
    await engine?.whenIdle();
    await engine?.close();
    onModel({ model: entry.source.name, event: "unloaded" });
  }

  async function start(entry: Entry): Promise<EngineClient> {
    const { name, checkpoint, adapters } = entry.source;
    await makeRoom(name, bytesOf(entry));
    const engine = startEngineClient(
      workerFile,
      { ...options.engine, checkpoint, adapters },
      { onStep: (step) => onStep(name, step) },
    );
    entry.engine = engine;
    try {
      entry.info = await engine.ready;
      // Only now is it known how large its caches are.
      checkSize(entry);
      await makeRoom(name, 0);
    } catch (error) {
      entry.engine = null;
      await engine.close();
      throw error;
    }
    engine.failed.catch((error: Error) => {
      if (entry.engine !== engine) return;
      isBroken = true;
      fail(error);
    });
    onModel({ model: name, event: "loaded", bytes: bytesOf(entry) });
    return engine;
  }

  function load(entry: Entry): Promise<EngineClient> {
    const started = turn.then(() => start(entry));
    turn = started.catch(() => {});
    entry.loading = started;
    const ended = () => {
      entry.loading = null;
    };
    started.then(ended, ended);
    return started;
  }

  /** Models by their names, and those that adapters belong to by the adapters'. */
  const byName = new Map<string, { entry: Entry; adapter: string | null }>();
  for (const entry of entries.values()) {
    byName.set(entry.source.name, { entry, adapter: null });
    for (const { name } of entry.source.adapters) byName.set(name, { entry, adapter: name });
  }

  function find(name: string | null | undefined): { entry: Entry; adapter: string | null } {
    const found = name === null || name === undefined ? { entry: first!, adapter: null } : byName.get(name);
    if (found) return found;
    const shown = JSON.stringify(name!.length > 80 ? `${name!.slice(0, 80)}…` : name);
    const known = [...byName.keys()].map((one) => JSON.stringify(one)).join(", ");
    throw new ApiError(`there is no model ${shown}: expected ${known}`, {
      status: 404,
      param: "model",
      code: "model_not_found",
    });
  }

  const nameOf = ({ entry, adapter }: { entry: Entry; adapter: string | null }) => adapter ?? entry.source.name;

  const ready = load(first!).then(() => first!.info!);
  ready.catch((error: Error) => fail(error));

  return {
    ready,
    failed,
    get info() {
      return isBroken ? null : first!.info;
    },
    list: () =>
      [...byName].map(([name, { entry, adapter }]) => ({
        name,
        parent: adapter === null ? null : entry.source.name,
        info: entry.info,
      })),
    resolve: (name) => nameOf(find(name)),
    async use(name) {
      const found = find(name);
      const { entry, adapter } = found;
      entry.lastUsed = ++uses;
      const own = nameOf(found);
      if (entry.engine?.info) return { name: own, engine: entry.engine.requests(adapter), info: entry.engine.info };
      try {
        const engine = await (entry.loading ?? load(entry));
        return { name: own, engine: engine.requests(adapter), info: entry.info! };
      } catch (error) {
        if (error instanceof ApiError) throw error;
        const { message } = error as Error;
        onModel({ model: entry.source.name, event: "failed", message });
        // What is wrong with a checkpoint is in the log: messages name files of this machine.
        throw new ApiError(`the model ${own} cannot be loaded`, { status: 503, code: "model_not_loaded" });
      }
    },
    async close() {
      await turn;
      for (const { engine } of entries.values()) await engine?.close();
    },
  };
}
