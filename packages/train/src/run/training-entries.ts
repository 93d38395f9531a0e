/**
 * The tensors of a checkpoint: weights, their average, the optimizer's state, each whole. Where the ranks of the tensor axis
 * hold parts of them, the one that writes says which it wants next, and the others help it.
 */
import { type TensorEntry, tensorEntry } from "@megatron-ts/checkpoint";
import type { Model } from "@megatron-ts/model";
import { toBytes } from "@megatron-ts/ops";
import { type Mesh, type Parameter, wholeOf } from "@megatron-ts/parallel";
import * as tf from "@tensorflow/tfjs";
import type { Optimizer } from "../step/optimizer.ts";
import type { WeightAverage } from "../step/weight-average.ts";

/** How much longer than usual ranks wait while one of them writes. */
export const SAVING_SECONDS = 3600;

/** The weights themselves, where those of the checkpoint are their average. */
export const trainedName = (name: string): string => `trained.${name}`;

interface Trained {
  model: Model;
  optimizer: Optimizer;
  average: WeightAverage | null;
}

/** A tensor of a checkpoint, and the parameter that it is split like. */
interface Part {
  name: string;
  tensor: tf.Tensor;
  parameter: Parameter;
}

function partsOf({ model: { parameters }, optimizer, average }: Trained): Record<"weights" | "optimizer", Part[]> {
  const all = [...parameters.values()];
  const state = [...optimizer.state].map(([name, tensor]) => {
    return { name, tensor, parameter: parameters.get(withoutRole(name))! };
  });
  const trained = all.map((parameter) => ({ name: parameter.name, tensor: parameter.tensor, parameter }));
  if (!average) return { weights: trained, optimizer: state };
  return {
    weights: trained.map((part) => ({ ...part, tensor: average.tensors.get(part.name)! })),
    optimizer: [...state, ...trained.map((part) => ({ ...part, name: trainedName(part.name) }))],
  };
}

/** The parameter of a tensor of an optimizer's state, `<role>.<parameter>`. */
const withoutRole = (name: string) => name.slice(name.indexOf(".") + 1);

/** The entries of a checkpoint, for the rank that writes it. */
export function trainingEntries(trained: Trained): Record<"weights" | "optimizer", TensorEntry[]> {
  const { mesh } = trained.model;
  const { weights, optimizer } = partsOf(trained);
  const entryOf = ({ name, tensor, parameter }: Part, index: number): TensorEntry => {
    const { placement, globalShape } = parameter;
    if (placement === null || mesh.tensor.size === 1) return tensorEntry(name, tensor);
    const bytes = () => {
      tellWanted(mesh, index);
      const whole = wholeOf(tensor, parameter, { mesh, patience: SAVING_SECONDS });
      const values = toBytes(whole);
      whole.dispose();
      return values;
    };
    return { ...tensorEntry(name, tensor), shape: [...globalShape], bytes };
  };
  return {
    weights: weights.map(entryOf),
    optimizer: optimizer.map((part, index) => entryOf(part, weights.length + index)),
  };
}

/** Helps the first rank of the tensor axis until it has written its checkpoint. */
export function helpWriting(trained: Trained): void {
  const { mesh } = trained.model;
  const { weights, optimizer } = partsOf(trained);
  const parts = [...weights, ...optimizer];
  for (let index = tellWanted(mesh, NONE); index !== NONE; index = tellWanted(mesh, NONE)) {
    const { tensor, parameter } = parts[index]!;
    wholeOf(tensor, parameter, { mesh, patience: SAVING_SECONDS }).dispose();
  }
}

/** Says that a checkpoint is written. */
export const endWriting = ({ mesh }: Model): void => void (mesh.tensor.size > 1 && tellWanted(mesh, NONE));

const NONE = -1;

/** The tensor that the first rank of the axis wants. */
function tellWanted({ tensor: axis }: Mesh, index: number): number {
  return tf.tidy(() => axis.allGather(tf.tensor1d([index], "int32"), 0, { patience: SAVING_SECONDS }).dataSync()[0]!);
}
