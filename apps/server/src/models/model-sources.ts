/** Finds the models that a server is to serve: checks that each is there, has a name of its own, and fits. */
import { adapterAt } from "@megatron-ts/checkpoint";
import { ServerError } from "../errors.ts";
import { nameOfRun } from "../name-of-run.ts";
import type { ServedCheckpoint, ServerOptions } from "../options.ts";
import type { ModelSource } from "./engine-slots.ts";
import { weightBytes } from "./memory.ts";

/** The models, the first first. Throws a ServerError for names that are not unique, and models larger than the limit. */
export function modelSources(
  options: Pick<ServerOptions, "checkpoint" | "name" | "adapters" | "draft" | "others">,
  { precision, memoryLimit }: { precision: "f32" | "bf16"; memoryLimit: number | null },
): [ModelSource, ...ModelSource[]] {
  const sourceOf = ({
    checkpoint,
    name = nameOfRun(checkpoint),
    adapters = [],
    draft,
  }: ServedCheckpoint): ModelSource => {
    const bytes = weightBytes({ checkpoint, draft }, precision);
    if (memoryLimit !== null && bytes > memoryLimit) {
      throw new ServerError(
        `${checkpoint}: the weights take ${bytes} bytes, more than the memory limit of ${memoryLimit}`,
      );
    }
    for (const { directory } of adapters) adapterAt(directory);
    return { name, checkpoint, adapters, draft };
  };
  const sources: [ModelSource, ...ModelSource[]] = [sourceOf(options), ...(options.others ?? []).map(sourceOf)];
  const names = new Set<string>();
  for (const source of sources) {
    for (const { name, directory } of [{ name: source.name, directory: source.checkpoint }, ...source.adapters]) {
      if (names.has(name)) {
        throw new ServerError(`${directory}: there is a model ${name} already: name it, as name=${directory}`);
      }
      names.add(name);
    }
  }
  return sources;
}
