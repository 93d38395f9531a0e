/** Which models must leave so that another fits: the memory of all that are loaded, beside a limit. Knows no engines. */

/** A model in memory. */
export interface HeldModel {
  /** Bytes of its weights and caches. */
  bytes: number;
  /** Larger for one that was used later. */
  lastUsed: number;
  /** Whether no request uses it. */
  isIdle: boolean;
}

/**
 * The models to unload before one of `bytes` is loaded, least recently used first; empty if it fits as it is, null if it
 * would not fit even then.
 */
export function modelsToUnload<Model extends HeldModel>(
  held: readonly Model[],
  { bytes, limit }: { bytes: number; limit: number },
): Model[] | null {
  let used = held.reduce((sum, model) => sum + model.bytes, 0);
  const idle = held.filter(({ isIdle }) => isIdle).sort((a, b) => a.lastUsed - b.lastUsed);
  const unloaded: Model[] = [];
  while (used + bytes > limit) {
    const next = idle.shift();
    if (!next) return null;
    unloaded.push(next);
    used -= next.bytes;
  }
  return unloaded;
}
