/**
 * The tensors of a checkpoint: weights, their average, the optimizer's state, each whole. Where other ranks hold some of them, or
 * parts of them, the rank that writes says which it wants next, and the others help it.
 */
import { type TensorEntry, tensorEntry } from "@megatron-ts/checkpoint";
import type { Model } from "@megatron-ts/model";
import { toBytes } from "@megatron-ts/ops";
import { type Mesh, type Parameter, trainedParameters, wholeOf } from "@megatron-ts/parallel";
import * as tf from "@tensorflow/tfjs";
import type { Optimizer } from "../step/optimizer.ts";
import type { Shards } from "../step/shards.ts";
import type { WeightAverage } from "../step/weight-average.ts";

/** How much longer than usual ranks wait while one of them writes. */
export const SAVING_SECONDS = 3600;

/** The weights themselves, where those of the checkpoint are their average. */
export const trainedName = (name: string): string => `trained.${name}`;

interface Trained {
  model: Model;
  optimizer: Optimizer;
  shards: Shards | null;
  average: WeightAverage | null;
  /** Whether weights that are not trained are left out, as those of an adapter's base are. */
  trainedOnly?: boolean;
}

/** A tensor of a checkpoint, on a rank that holds it. */
interface Part {
  name: string;
  tensor: tf.Tensor;
  /** What it is split like over the tensor axis. */
  parameter: Parameter;
  /** Whether the ranks of the data axis have a part each. */
  sharded: boolean;
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
    return { name, tensor, parameter: parameters.get(withoutRole(name))!, sharded: shards !== null };
  });
  const trained = [...saved.values()].map((parameter) => {
    return { name: parameter.name, tensor: parameter.tensor, parameter, sharded: false };
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

/** A tensor that ranks fetch together. */
interface Wanted {
  group: Group;
  name: string;
  parameter: string;
  shape: readonly number[];
  sharded: boolean;
  /** The first rank of the pipeline that holds it. */
  stage: number;
}

/** The tensors of a run, and how its ranks fetch one of them. */
interface Fetching {
  wanted: readonly Wanted[];
  /** The whole tensor, on the rank that writes. All ranks call it. */
  fetch(wanted: Wanted): tf.Tensor | null;
}

/** Whether this rank alone has everything, so that the others have nothing to do. */
const isComplete = ({ model: { mesh }, shards }: Trained) =>
  mesh.tensor.size === 1 && mesh.pipeline.size === 1 && shards === null;

/** All ranks call it. */
function openFetching(trained: Trained): Fetching {
  const { mesh, parameters } = trained.model;
  const own = partsOf(trained);
  const all = (["weights", "optimizer"] as const).flatMap((group) =>
    own[group].map(({ name, parameter, sharded }): Wanted => {
      const stage = mesh.pipeline.rank;
      return { group, name, parameter: parameter.name, shape: parameter.globalShape, sharded, stage };
    }),
  );
  const byName = new Map<string, Wanted>();
  for (const text of mesh.world.gatherText(JSON.stringify(all))) {
    for (const each of JSON.parse(text) as Wanted[]) {
      const key = `${each.group} ${each.name}`;
      if (!byName.has(key)) byName.set(key, each);
    }
  }

  function fetch({ group, name, parameter: weight, shape, sharded, stage }: Wanted): tf.Tensor | null {
    const { pipeline, replicas, tensor: split, world } = mesh;
    const [found] = tf.tidy((): tf.Tensor[] => {
      let whole: tf.Tensor | null = null;
      if (pipeline.rank === stage && (sharded || replicas.rank === 0)) {
        const held = own[group].find((part) => part.name === name)?.tensor ?? null;
        const parameter = parameters.get(weight)!;
        const part = sharded ? trained.shards!.gather(held, parameter, { patience: SAVING_SECONDS }) : held!;
        if (replicas.rank === 0) whole = wholeOf(part, parameter, { mesh, patience: SAVING_SECONDS });
      }
      if (stage > 0 && replicas.rank === 0 && split.rank === 0) {
        if (pipeline.rank === stage) pipeline.send(whole!, 0, { wire: "f32" });
        if (pipeline.rank === 0) whole = pipeline.receive(shape, stage);
      }
      return whole && world.rank === 0 ? [whole] : [];
    });
    return found ?? null;
  }
  return { wanted: [...byName.values()], fetch };
}

/** The entries of a checkpoint, for the rank that writes it. */
export function trainingEntries(trained: Trained): Record<Group, TensorEntry[]> {
  if (isComplete(trained)) {
    const { weights, optimizer } = partsOf(trained);
    const entryOf = ({ name, tensor }: Part) => tensorEntry(name, tensor);
    return { weights: weights.map(entryOf), optimizer: optimizer.map(entryOf) };
  }
  const { mesh } = trained.model;
  const { wanted, fetch } = openFetching(trained);
  const entries = wanted.map((each, index): TensorEntry & { group: Group } => ({
    ...{ group: each.group, name: each.name, dtype: "F32", shape: [...each.shape] },
    bytes() {
      tellWanted(mesh, index);
      const whole = fetch(each)!;
      const values = toBytes(whole);
      whole.dispose();
      return values;
    },
  }));
  const ofGroup = (group: Group) =>
    entries.filter((entry) => entry.group === group).map(({ group: _, ...entry }) => entry);
  return { weights: ofGroup("weights"), optimizer: ofGroup("optimizer") };
}

/** Helps the rank that writes until it has written its checkpoint. */
export function helpWriting(trained: Trained): void {
  if (isComplete(trained)) return;
  const { mesh } = trained.model;
  const { wanted, fetch } = openFetching(trained);
  for (let index = tellWanted(mesh, NONE); index !== NONE; index = tellWanted(mesh, NONE)) fetch(wanted[index]!);
}

/** Says that a checkpoint is written. */
export function endWriting(trained: Trained): void {
  if (!isComplete(trained)) tellWanted(trained.model.mesh, NONE);
}

const NONE = -1;

/** The tensor that the rank that writes wants. */
function tellWanted({ world }: Mesh, index: number): number {
  return tf.tidy(() => world.broadcast(tf.tensor1d([index], "int32"), 0, { patience: SAVING_SECONDS }).dataSync()[0]!);
}
