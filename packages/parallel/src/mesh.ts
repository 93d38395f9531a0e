/** The grid of ranks that a run is laid out on. A mesh has axes, a tensor has dimensions. */
import { type Communicator, singleRank } from "./communicator.ts";

/** One way of splitting the work: samples, weights or layers. */
export type Axis = "data" | "tensor" | "pipeline";

/** One communicator per axis, each over the ranks that differ from this one along that axis only. */
export type Mesh = Readonly<Record<Axis, Communicator>>;

/** The mesh of a single process. */
export const singleRankMesh: Mesh = { data: singleRank, tensor: singleRank, pipeline: singleRank };
