/**
 * The tensors that this rank writes into a checkpoint: weights, their average, the optimizer's state. Ranks that hold the same values share
 * the writing, so that each writes about as much as the others and none sends anything.
 */
import type { TensorEntry } from "@megatron-ts/checkpoint";
import type { Model } from "@megatron-ts/model";
import { type Mesh, type Parameter, trainedParameters, wholeOf } from "@megatron-ts/parallel";
import type * as tf from "@tensorflow/tfjs";
import type { Optimizer } from "../step/optimizer.ts";
import type { Shards } from "../step/shards.ts";
import type { WeightAverage } from "../step/weight-average.ts";
import { boxesOf, clipBox, type FlatRange, type Holders, shareOf, valuesOf } from "./tensor-boxes.ts";

/** The weights themselves, where those of the checkpoint are their average. */
export const trainedName = (name: string): string => `trained.${name}`;

interface Trained {
  model: Model;
  optimizer: Optimizer;
  shards: Shards | null;
  average: WeightAverage | null;
  /** Whether this stage of the pipeline is the first that has a weight. Default: there is one stage. */
  isFirst?: (parameter: Parameter) => boolean;
  /** Whether weights that are not trained are left out, as those of an adapter's base are. */
  trainedOnly?: boolean;
}

/** A tensor of a checkpoint, on a rank that holds it or a part of it. */
interface Part {
  name: string;
  tensor: tf.Tensor;
  /** What it is split like over the tensor axis. */
  parameter: Parameter;
  /** What of this rank's part of the parameter the tensor has, where the replicas have a share each. */
  range?: FlatRange;
}

type Group = "weights" | "optimizer";

function partsOf({
  model: { parameters },
  optimizer,
  shards,
  average,
  trainedOnly = false,
}: Trained): Record<Group, Part[]> {
  const saved = trainedOnly ? trainedParameters(parameters) : parameters;
  const state = [...optimizer.state].map(([name, tensor]) => {
    const parameter = parameters.get(withoutRole(name))!;
    return { name, tensor, parameter, range: shards?.rangeOf(parameter) };
  });
  const trained = [...saved.values()].map((parameter) => {
    return { name: parameter.name, tensor: parameter.tensor, parameter };
  });
  if (!average) return { weights: trained, optimizer: state };
  return {
    weights: trained.map((part) => ({ ...part, tensor: average.tensors.get(part.name) ?? part.tensor })),
    optimizer: [
      ...state,
      ...trained
        .filter(({ name }) => average.tensors.has(name))
        .map((part) => ({ ...part, name: trainedName(part.name) })),
    ],
  };
}

/** The parameter of a tensor of an optimizer's state, `<role>.<parameter>`. */
const withoutRole = (name: string) => name.slice(name.indexOf(".") + 1);

/** The entries of a checkpoint that this rank writes, and empty ones for those that it leaves to others. */
export function trainingEntries(trained: Trained): Record<Group, TensorEntry[]> {
  const { weights, optimizer } = partsOf(trained);
  // Ranks that hold a weight number it alike, though not all that their optimizers have.
  const numbers = new Map([...trained.model.parameters.keys()].map((name, index) => [name, index]));
  const entries = (parts: readonly Part[]) =>
    parts.flatMap((part) => entriesOf(part, { trained, index: numbers.get(part.parameter.name)! }));
  return { weights: entries(weights), optimizer: entries(optimizer) };
}

/**
 * The trained weights that a checkpoint has, each whole, on every rank: for files that are written at once. All ranks call it; in a pipeline
 * each has those of its stage.
 */
export function wholeWeights(trained: Trained): TensorEntry[] {
  return partsOf({ ...trained, trainedOnly: true }).weights.map(({ name, tensor, parameter }): TensorEntry => {
    const whole = wholeOf(tensor, parameter, { mesh: trained.model.mesh });
    const values = whole.dataSync() as Float32Array;
    whole.dispose();
    const bytes = () => new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
    return { name, dtype: "F32", shape: [...parameter.globalShape], bytes };
  });
}

function entriesOf(
  { name, tensor, parameter, range }: Part,
  { trained, index }: { trained: Trained; index: number },
): TensorEntry[] {
  const { isFirst = () => true, model } = trained;
  const { shape, heldShape, origin, globalShape } = parameter;
  const size = shape.reduce((product, length) => product * length, 1);
  const held = range ?? { from: 0, to: size };
  const holders = holdersOf(model.mesh, { isSplit: parameter.placement !== null, isShared: range !== undefined });
  const own = holders.size === 1 ? held : shareOf(held, { ...holders, index, row: size / (shape[0] ?? 1) });
  const boxes = boxesOf(isFirst(parameter) ? own : { from: 0, to: 0 }, shape).flatMap(
    (box) => clipBox(box, heldShape) ?? [],
  );
  if (boxes.length === 0) {
    const nothing = { origin: [0], of: globalShape };
    return [{ name, dtype: "F32", shape: [0], box: nothing, bytes: () => new Uint8Array(0) }];
  }
  return boxes.map((box): TensorEntry => {
    const global = { origin: box.origin.map((at, dimension) => at + origin[dimension]!), of: globalShape };
    const isWhole = box.shape.join() === globalShape.join();
    return {
      ...{ name, dtype: "F32", shape: box.shape },
      ...(!isWhole && { box: global }),
      bytes() {
        const values = tensor.dataSync() as Float32Array;
        return new Uint8Array(valuesOf(box, { values, first: held.from, shape }).buffer);
      },
    };
  });
}

/** The ranks of a stage that hold the same values of a weight, or of what the optimizer has for it. */
function holdersOf(
  { tensor, replicas }: Mesh,
  { isSplit, isShared }: { isSplit: boolean; isShared: boolean },
): Holders {
  const [alike, copies] = [isSplit ? { size: 1, rank: 0 } : tensor, isShared ? { size: 1, rank: 0 } : replicas];
  return { size: alike.size * copies.size, rank: alike.rank + alike.size * copies.rank };
}
