/**
 * LoRA (Hu et al. 2022): a linear layer that stays as it is gets a trained B A of low rank beside its weight. A starts
 * uniform, as PEFT's does, and B at zero, so that the adapted model starts equal to the base.
 */
import { linear } from "@megatron-ts/ops";
import {
  type AdapterConfig,
  copyToTensorParallelRegion,
  leaveSplitRegion,
  type Parameters,
  type Scope,
  uniform,
  zeros,
} from "@megatron-ts/parallel";
import * as tf from "@tensorflow/tfjs";
import { ModelError } from "../errors.ts";
import { dropAt, type StepRandomness } from "./dropout.ts";

/** The names of an adapter's weights, in the scope of its layer: A [rank, inputs] and B [outputs, rank]. */
export const ADAPTER_WEIGHTS = ["loraA", "loraB"] as const;

/** The paths of adapted layers, by the names of their weights. */
const adapted = /^(.+)\.loraA$/;

const hasEnd = (path: string, target: string) => path === target || path.endsWith(`.${target}`);

/** Whether a layer at this path has an adapter. */
export const isAdapted = ({ path, adapter }: Scope): boolean =>
  adapter !== null && (adapter.targets === "all" || adapter.targets.some((target) => hasEnd(path, target)));

/** Whether a weight belongs to an adapter. */
export const isAdapterWeight = (name: string): boolean => ADAPTER_WEIGHTS.some((weight) => name.endsWith(`.${weight}`));

/** The paths of the layers that have adapters. */
export const adaptedLayers = (parameters: Parameters): string[] =>
  [...parameters.keys()].flatMap((name) => adapted.exec(name)?.[1] ?? []);

/** Throws a ModelError for a target that no layer has, and says which there are. */
export function checkTargets({ targets }: AdapterConfig, layers: { adapted: string[]; all: () => string[] }): void {
  if (targets === "all") return;
  const unknown = targets.find((target) => !layers.adapted.some((path) => hasEnd(path, target)));
  if (unknown === undefined && targets.length > 0) return;
  const known = new Set(layers.all().map((path) => path.replace(/^.*\blayers\.\d+\./, "")));
  const expected = `expected "all" or some of ${[...known].join(", ")}`;
  throw new ModelError(`lora.targets: ${expected}; got ${unknown === undefined ? "none" : JSON.stringify(unknown)}`);
}

/**
 * x [..., inputs] -> (alpha / rank) B A dropout(x) [..., outputs], or this rank's slice of either.
 * @param options.entered as that of the layer
 */
export function createLowRankAdapter(
  scope: Scope,
  {
    split,
    inputs,
    outputs,
    entered = false,
  }: { split: "column" | "row"; inputs: number; outputs: number; entered?: boolean },
): (x: tf.Tensor, random?: StepRandomness | null) => tf.Tensor {
  const { rank, alpha, dropout: rate } = scope.adapter!;
  const { mesh } = scope;
  const axis = mesh.tensor;
  const [byInputs, byOutputs] = [1, 0].map((dimension) => ({ placement: { dimension, axis: "tensor" } as const }));
  const isRow = split === "row";
  // Kaiming's uniform bound with a = sqrt(5), which torch's linear layers start from.
  const a = scope.parameter("loraA", [rank, inputs], uniform(1 / Math.sqrt(inputs)), isRow ? byInputs : {});
  const b = scope.parameter(
    "loraB",
    [outputs, rank],
    zeros,
    isRow ? { partialGradient: mesh.sequenceParallel } : byOutputs,
  );
  return (x, random) => {
    const dimensions = isRow ? { dimension: x.rank - 1, axis } : undefined;
    const dropped = dropAt(`${scope.path}.lora`, x, { rate, random, split: dimensions });
    // What has entered gets the ranks' gradients added; so must A, which all of them hold.
    const weight = isRow || !entered ? a.tensor : copyToTensorParallelRegion(a.tensor, axis);
    const inner = tf.mul(linear(dropped, { weight }), alpha / rank);
    const copied = entered ? inner : copyToTensorParallelRegion(inner, axis);
    const whole = isRow ? leaveSplitRegion(inner, mesh) : copied;
    return linear(whole, { weight: b.tensor });
  };
}
