/**
 * Places for engines that share memory: one is started when it is needed, and ends when others need its memory, least recently
 * used first; or it is replaced by a newer one while the requests that it has end. Does not know the names of models.
 */
import { type EngineClient, type EngineStep, startEngineClient } from "../engine/engine-client.ts";
import type { EngineData, ModelInfo } from "../engine/protocol.ts";
import type { ServedAdapter } from "../engine/served-adapter.ts";
import type { ServedDraft } from "../engine/served-draft.ts";
import { ApiError, ServerError } from "../errors.ts";
import { checkpointVersion } from "./checkpoint-version.ts";
import { weightBytes } from "./memory.ts";
import { modelsToUnload } from "./memory-budget.ts";

/** A model that can be served. */
export interface ModelSource {
  /** Its name in requests. */
  name: string;
  checkpoint: string;
  /** Served beside it, by names of their own. */
  adapters: readonly ServedAdapter[];
  /** A smaller model that proposes tokens. */
  draft?: ServedDraft;
}

/** What happens to a model, for a log. */
export interface ModelEvent {
  model: string;
  event: "loaded" | "reloaded" | "unloaded" | "failed";
  /** Bytes in memory, of a model that was loaded. */
  bytes?: number;
  message?: string;
}

/** A place for the engine of a model. */
export interface EngineSlot {
  readonly source: ModelSource;
  /** Whether it decodes text, for which it has a cache, or only explains. */
  readonly decodes: boolean;
  engine: EngineClient | null;
  /** Set while it is loaded. */
  loading: Promise<EngineClient> | null;
  /** Null until it has been loaded once. */
  info: ModelInfo | null;
  /** Which checkpoint was loaded; see `checkpointVersion`. */
  version: string | null;
  weightBytes: number;
  lastUsed: number;
}

/** Options of `createEngineSlots`. */
export interface EngineSlotsOptions {
  /** What all engines start with. */
  engine: Omit<EngineData, "checkpoint" | "adapters" | "draft" | "decodes">;
  workerFile: URL;
  /** The most bytes that models take together; null for no limit. */
  memoryLimit: number | null;
  onStep: (model: string, step: EngineStep) => void;
  onModel: (event: ModelEvent) => void;
  /** Called when an engine fails after it was loaded. */
  onFailure: (error: Error) => void;
}

/** The places. */
export interface EngineSlots {
  add(source: ModelSource, options: { decodes: boolean }): EngineSlot;
  /** Starts the engine of a slot that has none, or waits for the one that starts. */
  load(slot: EngineSlot): Promise<EngineClient>;
  /** Replaces the engine by one of the checkpoint as it is now. The old one ends with its last request. */
  replace(slot: EngineSlot): Promise<void>;
  /** Ends the engine with its last request. */
  unload(slot: EngineSlot): Promise<void>;
  close(): Promise<void>;
}

/** Creates no places yet. */
export function createEngineSlots(options: EngineSlotsOptions): EngineSlots {
  const { workerFile, memoryLimit, onStep, onModel, onFailure } = options;
  const { precision } = options.engine;
  const slots = new Set<EngineSlot>();
  /** Engines that have been replaced and still answer, and their bytes. */
  const retired = new Map<EngineClient, number>();
  let isClosed = false;
  /** Loads come one after another, so that each knows what memory there is. */
  let turn: Promise<unknown> = Promise.resolve();

  const bytesOf = (slot: EngineSlot) => slot.weightBytes + (slot.info?.cacheBytes ?? 0);

  const weightBytesOf = ({ source: { checkpoint, draft }, decodes }: EngineSlot) =>
    weightBytes({ checkpoint, ...(decodes && { draft }) }, precision);

  /** Unloads others until a model of this size fits. Throws an ApiError if requests use too many of them. */
  async function makeRoom(slot: EngineSlot, bytes: number): Promise<void> {
    if (memoryLimit === null) return;
    const held = [...slots]
      .filter(({ engine }) => engine !== null)
      .map((other) => ({
        slot: other,
        bytes: bytesOf(other),
        lastUsed: other.lastUsed,
        isIdle: other !== slot && other.engine!.active === 0,
      }));
    const others = [...retired.values()].reduce((sum, size) => sum + size, 0);
    const unloaded = modelsToUnload(held, { bytes: bytes + others, limit: memoryLimit });
    if (!unloaded) {
      throw new ApiError(`the model ${slot.source.name} must wait: requests to other models use the memory`, {
        status: 503,
        code: "model_not_loaded",
        retryAfter: 5,
      });
    }
    for (const one of unloaded) await unload(one.slot);
  }

  async function unload(slot: EngineSlot): Promise<void> {
    const { engine } = slot;
    if (!engine) return;
    slot.engine = null;
    await retire(engine, bytesOf(slot));
    onModel({ model: slot.source.name, event: "unloaded" });
  }

  async function retire(engine: EngineClient, bytes: number): Promise<void> {
    retired.set(engine, bytes);
    // A request may have got it in this very moment.
    await engine.whenIdle();
    await engine.close();
    retired.delete(engine);
  }

  function start({ source: { name, checkpoint, adapters, draft }, decodes }: EngineSlot): EngineClient {
    const data = { ...options.engine, checkpoint, adapters, decodes, ...(decodes && { draft }) };
    return startEngineClient(workerFile, data, { onStep: (step) => onStep(name, step) });
  }

  function watch(slot: EngineSlot, engine: EngineClient): void {
    engine.failed.catch((error: Error) => {
      if (slot.engine === engine && !isClosed) onFailure(error);
    });
  }

  /** Throws a ServerError for a model that can never fit. */
  function checkSize(slot: EngineSlot): void {
    if (memoryLimit === null || bytesOf(slot) <= memoryLimit) return;
    const needed = `${slot.source.checkpoint}: weights and cache take ${bytesOf(slot)} bytes`;
    throw new ServerError(`${needed}, more than the memory limit of ${memoryLimit}: raise it, or cache fewer tokens`);
  }

  async function open(slot: EngineSlot): Promise<EngineClient> {
    slot.version = checkpointVersion(slot.source);
    slot.weightBytes = weightBytesOf(slot);
    await makeRoom(slot, bytesOf(slot));
    if (isClosed) throw new ApiError("the server is shutting down", { status: 503 });
    const engine = start(slot);
    slot.engine = engine;
    try {
      slot.info = await engine.ready;
      // Only now is it known how large its caches are.
      checkSize(slot);
      await makeRoom(slot, 0);
    } catch (error) {
      slot.engine = null;
      await engine.close();
      throw error;
    }
    watch(slot, engine);
    onModel({ model: slot.source.name, event: "loaded", bytes: bytesOf(slot) });
    return engine;
  }

  async function exchange(slot: EngineSlot): Promise<void> {
    const old = slot.engine;
    // Whoever needs it next gets the newest.
    if (!old) return;
    const before = bytesOf(slot);
    const version = checkpointVersion(slot.source);
    const bytes = weightBytesOf(slot);
    await makeRoom(slot, bytes + (slot.info?.cacheBytes ?? 0));
    const engine = start(slot);
    try {
      const info = await engine.ready;
      Object.assign(slot, { engine, info, version, weightBytes: bytes });
    } catch (error) {
      await engine.close();
      throw error;
    }
    watch(slot, engine);
    onModel({ model: slot.source.name, event: "reloaded", bytes: bytesOf(slot) });
    void retire(old, before);
  }

  function inTurn<T>(f: () => Promise<T>): Promise<T> {
    const started = turn.then(f);
    turn = started.catch(() => {});
    return started;
  }

  const closeAll = () =>
    Promise.all([...[...slots].map(({ engine }) => engine?.close()), ...[...retired.keys()].map((one) => one.close())]);

  return {
    add(source, { decodes }) {
      const empty = { engine: null, loading: null, info: null, version: null, weightBytes: 0, lastUsed: 0 };
      const slot: EngineSlot = { source, decodes, ...empty };
      slots.add(slot);
      return slot;
    },
    load(slot) {
      if (slot.loading) return slot.loading;
      const started = inTurn(() => open(slot));
      slot.loading = started;
      const ended = () => {
        slot.loading = null;
      };
      started.then(ended, ended);
      return started;
    },
    replace: (slot) => inTurn(() => exchange(slot)),
    unload: (slot) => inTurn(() => unload(slot)),
    async close() {
      isClosed = true;
      await closeAll();
      await turn;
      await closeAll();
    },
  };
}
