/** The models of a server by name, with their adapters: what requests use, and what is replaced by newer checkpoints. */
import type { EngineRequests } from "../engine/engine-client.ts";
import type { ModelInfo } from "../engine/protocol.ts";
import { ApiError } from "../errors.ts";
import { checkpointVersion } from "./checkpoint-version.ts";
import { createEngineSlots, type EngineSlot, type EngineSlotsOptions, type ModelSource } from "./engine-slots.ts";

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

/** What a request does: explanations, and searches in the training data, have an engine of their own: nobody waits for them. */
export type Purpose = "answer" | "explain";

/** The models. */
export interface ModelPool {
  /** Resolves when the first model is loaded; rejects if it cannot be. */
  readonly ready: Promise<ModelInfo>;
  /** Rejects if an engine fails after it was loaded; never resolves. */
  readonly failed: Promise<never>;
  /** What is known of the first model; null until it is loaded, and after an engine has failed. */
  readonly info: ModelInfo | null;
  /** All models and adapters, in the order they were given in. */
  list(): ListedModel[];
  /** The name of the model that a request means; the first without a name. Throws an ApiError for one that is unknown. */
  resolve(name: string | null | undefined): string;
  /** Loads a model if need be. Throws an ApiError for one that is unknown, cannot be loaded, or has no room now. */
  use(name: string | null | undefined, purpose?: Purpose): Promise<UsedModel>;
  /**
   * Replaces a model by its newest checkpoint, while requests in progress end with the old one. Throws like `use`, and the old
   * one stays.
   */
  reload(name: string | null | undefined): Promise<void>;
  /** Reloads every loaded model that has a newer checkpoint. Never rejects: what fails is reported as an event. */
  refresh(): Promise<void>;
  close(): Promise<void>;
}

/** How long an engine for explanations is kept after the last one, in milliseconds. */
const EXPLAINER_KEPT = 60_000;

/** Creates the models, of which there is at least one, and starts to load the first. */
export function createModelPool(
  sources: readonly ModelSource[],
  options: Omit<EngineSlotsOptions, "onFailure">,
): ModelPool {
  const { onModel } = options;
  let uses = 0;
  let isBroken = false;
  let fail: (error: Error) => void = () => {};
  const failed = new Promise<never>((_, reject) => {
    fail = reject;
  });
  failed.catch(() => {});
  const slots = createEngineSlots({
    ...options,
    onFailure(error) {
      isBroken = true;
      fail(error);
    },
  });

  interface Named {
    name: string;
    adapter: string | null;
    slot: EngineSlot;
    explainer: EngineSlot;
  }
  const models = sources.map((source): Named => {
    const [slot, explainer] = [true, false].map((decodes) => slots.add(source, { decodes }));
    return { name: source.name, adapter: null, slot: slot!, explainer: explainer! };
  });
  const byName = new Map(
    models.flatMap((model) =>
      [model, ...model.slot.source.adapters.map(({ name }): Named => ({ ...model, name, adapter: name }))].map(
        (named) => [named.name, named] as const,
      ),
    ),
  );
  const [first] = models;

  function find(name: string | null | undefined): Named {
    const found = name === null || name === undefined ? first : byName.get(name);
    if (found) return found;
    const shown = JSON.stringify(name!.length > 80 ? `${name!.slice(0, 80)}…` : name);
    const known = [...byName.keys()].map((one) => JSON.stringify(one)).join(", ");
    throw new ApiError(`there is no model ${shown}: expected ${known}`, {
      status: 404,
      param: "model",
      code: "model_not_found",
    });
  }

  /** What a client gets to know of an error: messages name files of this machine, so those are only logged. */
  function refusal(error: unknown, { name, slot }: Named): ApiError {
    if (error instanceof ApiError) return error;
    onModel({ model: slot.source.name, event: "failed", message: (error as Error).message });
    return new ApiError(`the model ${name} cannot be loaded`, { status: 503, code: "model_not_loaded" });
  }

  const timers = new Map<EngineSlot, NodeJS.Timeout>();
  /** Ends an engine for explanations some time after the last one. */
  function unloadLater(slot: EngineSlot): void {
    clearTimeout(timers.get(slot));
    const timer = setTimeout(() => {
      if (slot.engine && slot.engine.active > 0) unloadLater(slot);
      else void slots.unload(slot);
    }, EXPLAINER_KEPT);
    timers.set(slot, timer.unref());
  }

  async function reload({ slot, explainer }: Named): Promise<void> {
    await slots.unload(explainer);
    await slots.replace(slot);
  }

  const ready = slots.load(first!.slot).then(() => first!.slot.info!);
  ready.catch((error: Error) => fail(error));
  /** Versions that could not be loaded, which are not tried again. */
  const refused = new Map<EngineSlot, string>();

  return {
    ready,
    failed,
    get info() {
      return isBroken ? null : first!.slot.info;
    },
    list: () =>
      [...byName.values()].map(({ name, adapter, slot }) => ({
        name,
        parent: adapter === null ? null : slot.source.name,
        info: slot.info,
      })),
    resolve: (name) => find(name).name,
    async use(name, purpose = "answer") {
      const found = find(name);
      const slot = purpose === "explain" ? found.explainer : found.slot;
      slot.lastUsed = ++uses;
      if (purpose === "explain") unloadLater(slot);
      try {
        const engine = slot.engine?.info ? slot.engine : await slots.load(slot);
        return { name: found.name, engine: engine.requests(found.adapter), info: slot.info! };
      } catch (error) {
        throw refusal(error, found);
      }
    },
    async reload(name) {
      const found = find(name);
      await reload(found).catch((error) => {
        throw refusal(error, found);
      });
    },
    async refresh() {
      for (const model of models) {
        const { slot } = model;
        if (!slot.engine?.info) continue;
        let version = "";
        try {
          version = checkpointVersion(slot.source);
          if (version === slot.version || version === refused.get(slot)) continue;
          await reload(model);
        } catch (error) {
          // Without room, the next time may be better.
          if (error instanceof ApiError) continue;
          if (refused.get(slot) !== version) refusal(error, model);
          refused.set(slot, version);
        }
      }
    },
    async close() {
      for (const timer of timers.values()) clearTimeout(timer);
      await slots.close();
    },
  };
}
