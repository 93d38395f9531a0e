/** The grid of ranks that a run is laid out on. A mesh has axes, a tensor has dimensions. */
import { type Communicator, singleRank } from "./communicator.ts";
import { createCommunicator } from "./communicators/tensor-communicator.ts";
import type { Transport } from "./communicators/transport.ts";
import { ParallelError } from "./errors.ts";

/** One way of splitting the work: samples, weights or layers. */
export type Axis = "data" | "tensor" | "pipeline";

/** One communicator per axis, each over the ranks that differ from this one along that axis only; and one over all. */
export interface Mesh extends Readonly<Record<Axis | "world", Communicator>> {
  /** Whether the ranks of the tensor axis share the rows of sequences between the regions that are split. Default: false. */
  readonly sequenceParallel?: boolean;
}

/** How a run is laid out: the ranks along each axis, and what they share besides. */
export interface MeshLayout extends Readonly<Record<Axis, number>>, Pick<Mesh, "sequenceParallel"> {}

/** The mesh of a single process. */
export const singleRankMesh: Mesh = { data: singleRank, tensor: singleRank, pipeline: singleRank, world: singleRank };

/** From the axis whose ranks are neighbours, and exchange most, to the one that exchanges least. */
const AXES: readonly Axis[] = ["tensor", "data", "pipeline"];

/**
 * Lays out the ranks of a run: rank = tensor + T (data + D pipeline), as in Megatron.
 * @throws ParallelError if the axes need another number of ranks than there are
 */
export function createMesh(transport: Transport, { sequenceParallel = false, ...sizes }: MeshLayout): Mesh {
  const needed = AXES.reduce((product, axis) => product * sizes[axis], 1);
  if (needed !== transport.size) {
    const split = AXES.map((axis) => `${axis} ${sizes[axis]}`).join(" x ");
    throw new ParallelError(`${split} needs ${needed} ranks, but ${transport.size} were started: start ${needed}`);
  }
  const communicators = AXES.map((axis, index) => {
    const stride = AXES.slice(0, index).reduce((product, other) => product * sizes[other], 1);
    const place = Math.floor(transport.rank / stride) % sizes[axis];
    const first = transport.rank - place * stride;
    const members = Array.from({ length: sizes[axis] }, (_, other) => first + other * stride);
    return [axis, sizes[axis] === 1 ? singleRank : createCommunicator(transport, members)] as const;
  });
  const everyone = Array.from({ length: transport.size }, (_, rank) => rank);
  const world = transport.size === 1 ? singleRank : createCommunicator(transport, everyone);
  return { ...(Object.fromEntries(communicators) as Record<Axis, Communicator>), world, sequenceParallel };
}
