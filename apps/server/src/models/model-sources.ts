/** Finds the models that a server is to serve: checks that each is there, has a name of its own, and fits. */
import { ServerError } from "../errors.ts";
import { nameOfRun } from "../name-of-run.ts";
import type { ServedCheckpoint, ServerOptions } from "../options.ts";
import { weightBytes } from "./memory.ts";
import type { ModelSource } from "./model-pool.ts";

/** The models, the first first. Throws a ServerError for names that are not unique, and models larger than the limit. */
export function modelSources(
  options: Pick<ServerOptions, "checkpoint" | "name" | "others">,
  { precision, memoryLimit }: { precision: "f32" | "bf16"; memoryLimit: number | null },
): [ModelSource, ...ModelSource[]] {
  const sourceOf = ({ checkpoint, name = nameOfRun(checkpoint) }: ServedCheckpoint): ModelSource => {
    const bytes = weightBytes(checkpoint, precision);
    if (memoryLimit !== null && bytes > memoryLimit) {
      throw new ServerError(
        `${checkpoint}: the weights take ${bytes} bytes, more than the memory limit of ${memoryLimit}`,
      );
    }
    return { name, checkpoint, weightBytes: bytes };
  };
  const sources: [ModelSource, ...ModelSource[]] = [sourceOf(options), ...(options.others ?? []).map(sourceOf)];
  const names = new Set<string>();
  for (const { name, checkpoint } of sources) {
    if (names.has(name))
      throw new ServerError(`${checkpoint}: there is a model ${name} already: name it, as name=${checkpoint}`);
    names.add(name);
  }
  return sources;
}
