/** Checks that the ranks of a run are laid out as its recipe says. Knows nothing of what they train. */
import { type Mesh, singleRankMesh } from "@megatron-ts/parallel";
import type { ParallelConfig } from "../configuration/train-configuration.ts";
import { ConfigError } from "../errors.ts";

/** Throws a ConfigError unless the ranks are laid out as the recipe says: a split is never ignored. Without a mesh there is one rank. */
export function checkMesh({ mesh = singleRankMesh, parallel }: { mesh?: Mesh; parallel: ParallelConfig }): void {
  const problems = (["tensor", "pipeline", "data", "context"] as const).flatMap((axis) => {
    const message = `expected the ${mesh[axis].size} ranks that were started; got ${parallel[axis]}`;
    return mesh[axis].size === parallel[axis] ? [] : [{ path: `parallel.${axis}`, message }];
  });
  if ((mesh.virtualStages ?? 1) !== parallel.virtualStages) {
    const message = `expected ${mesh.virtualStages ?? 1}, as in the mesh of the ranks; got ${parallel.virtualStages}`;
    problems.push({ path: "parallel.virtualStages", message });
  }
  if ((mesh.sequenceParallel ?? false) !== parallel.sequenceParallel) {
    const message = `expected ${mesh.sequenceParallel}, as in the mesh of the ranks; got ${parallel.sequenceParallel}`;
    problems.push({ path: "parallel.sequenceParallel", message });
  }
  if (problems.length > 0) throw new ConfigError(problems);
}
