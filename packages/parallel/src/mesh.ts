/** The grid of ranks that a run is laid out on. A mesh has axes, a tensor has dimensions. */
import { watchKernels } from "@megatron-ts/ops";
import { type Communicator, singleRank } from "./communicator.ts";
import { createCommunicator } from "./communicators/tensor-communicator.ts";
import type { Transport } from "./communicators/transport.ts";
import { ParallelError } from "./errors.ts";

/** One way of splitting the work: samples, weights, layers, or the tokens of samples. */
export type Axis = "data" | "tensor" | "pipeline" | "context";

/**
 * One communicator per axis, each over the ranks that differ from this one along that axis only; one over the `replicas`, the ranks of
 * both the data and the context axis, which hold the same weights; and one over all.
 */
export interface Mesh extends Readonly<Record<Axis | "replicas" | "world", Communicator>> {
  /** Whether the ranks of the tensor axis share the rows of sequences between the regions that are split. Default: false. */
  readonly sequenceParallel?: boolean;
  /** Stages that each rank of the pipeline runs, every `pipeline.size`th (interleaved, Narayanan et al. 2021). Default: 1. */
  readonly virtualStages?: number;
  /** Seconds that this rank has spent on messages so far, mostly waiting for other ranks. Default: none. */
  waitedSeconds?(): number;
  /** Notes the last step that was completed, for what is said of this rank if it is killed. Default: nothing is. */
  completed?(step: number): void;
}

/** How a run is laid out: the ranks along each axis, and what they share besides. */
export interface MeshLayout
  extends Readonly<Record<Exclude<Axis, "context">, number>>,
    Readonly<Partial<Record<"context", number>>>,
    Pick<Mesh, "sequenceParallel" | "virtualStages"> {}

/** The mesh of a single process. */
export const singleRankMesh: Mesh = {
  data: singleRank,
  tensor: singleRank,
  pipeline: singleRank,
  context: singleRank,
  replicas: singleRank,
  world: singleRank,
};

/** From the axis whose ranks are neighbours, and exchange most, to the one that exchanges least. */
const AXES: readonly Axis[] = ["tensor", "context", "data", "pipeline"];

/**
 * Lays out the ranks of a run, and shows others that this one works whenever a kernel of this thread has run: rank = tensor + T (context + C (data + D pipeline)), as in Megatron.
 * @throws ParallelError if the axes need another number of ranks than there are
 */
export function createMesh(
  transport: Transport,
  { sequenceParallel = false, virtualStages = 1, context = 1, ...given }: MeshLayout,
): Mesh {
  const sizes = { ...given, context };
  const needed = AXES.reduce((product, axis) => product * sizes[axis], 1);
  if (needed !== transport.size) {
    const named = AXES.filter((axis) => axis !== "context" || context > 1);
    const split = named.map((axis) => `${axis} ${sizes[axis]}`).join(" x ");
    throw new ParallelError(`${split} needs ${needed} ranks, but ${transport.size} were started: start ${needed}`);
  }
  /** The ranks that differ from this one in their place along neighbouring axes, `size` together. */
  const along = (stride: number, size: number): Communicator => {
    if (size === 1) return singleRank;
    const first = transport.rank - (Math.floor(transport.rank / stride) % size) * stride;
    const members = Array.from({ length: size }, (_, other) => first + other * stride);
    return createCommunicator(transport, members);
  };
  const communicators = AXES.map((axis, index) => {
    const stride = AXES.slice(0, index).reduce((product, other) => product * sizes[other], 1);
    return [axis, along(stride, sizes[axis])] as const;
  });
  const ofAxes = Object.fromEntries(communicators) as Record<Axis, Communicator>;
  const replicas = context === 1 ? ofAxes.data : along(sizes.tensor, context * sizes.data);
  watchKernels(transport.work);
  const everyone = Array.from({ length: transport.size }, (_, rank) => rank);
  const world = transport.size === 1 ? singleRank : createCommunicator(transport, everyone);
  const { waitedSeconds, completed } = transport;
  return { ...ofAxes, replicas, world, sequenceParallel, virtualStages, waitedSeconds, completed };
}
