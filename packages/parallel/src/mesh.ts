/** The grid of ranks that a run is laid out on. A mesh has axes; a tensor has dimensions. */
import { type Communicator, singleRank } from "./communicator.ts";

export type Axis = "data" | "tensor" | "pipeline";

/** One communicator an axis, each over the ranks that differ from this one along that axis alone. */
export type Mesh = Readonly<Record<Axis, Communicator>>;

/** The mesh of one process. */
export const singleRankMesh: Mesh = { data: singleRank, tensor: singleRank, pipeline: singleRank };
