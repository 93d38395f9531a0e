/** Which weights of a model are trained: all, all but some parts, or adapters and the head of a task. */
import type { AdapterConfig, Parameters } from "@megatron-ts/parallel";
import { ModelError } from "./errors.ts";
import { TASK_HEAD } from "./heads/task-head.ts";
import { adaptedLayers, checkTargets, isAdapterWeight } from "./layers/low-rank-adapter.ts";

/** What `createModel` trains. */
interface TrainedPart {
  adapter: AdapterConfig | null;
  /** Names of weights, or their beginnings. */
  frozen: readonly string[];
}

const begins = (name: string, part: string) => name === part || name.startsWith(`${part}.`);

/** Whether a weight is not trained: with adapters, only they and the head of the task are. */
export const freezing =
  ({ adapter, frozen }: TrainedPart) =>
  (name: string): boolean =>
    frozen.some((part) => begins(name, part)) ||
    (adapter !== null && !isAdapterWeight(name) && !begins(name, TASK_HEAD));

/**
 * Throws a ModelError for layers and parts that a model does not have.
 * @param outline the model's parameters, by shape only, with adapters
 */
export function checkTrainedPart(
  { adapter, frozen }: TrainedPart,
  outline: (adapter: AdapterConfig | null) => Parameters,
): void {
  if (frozen.length > 0) checkFrozen(frozen, [...outline(null).keys()]);
  if (!adapter) return;
  checkTargets(adapter, {
    adapted: adaptedLayers(outline(adapter)),
    all: () => adaptedLayers(outline({ ...adapter, targets: "all" })),
  });
}

function checkFrozen(frozen: readonly string[], names: readonly string[]): void {
  const unknown = frozen.find((part) => !names.some((name) => begins(name, part)));
  if (unknown === undefined) {
    if (names.some((name) => !frozen.some((part) => begins(name, part)))) return;
    throw new ModelError("frozen: expected parts of the model, got all of it: nothing would be trained");
  }
  const parts = new Set(names.map((name) => /^(.*\blayers\.\d+|[^.]+)/.exec(name)![0]));
  throw new ModelError(
    `frozen: no weight is called or begins with ${JSON.stringify(unknown)}: the parts are ${[...parts].join(", ")}`,
  );
}
