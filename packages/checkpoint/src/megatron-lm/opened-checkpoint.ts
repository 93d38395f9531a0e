/** What both of Megatron-LM's formats give when a checkpoint is opened. */
import type { Pickled } from "./pickle.ts";
import type { TorchTensor } from "./torch-tensor.ts";

/** An open checkpoint of Megatron-LM. */
export interface OpenedCheckpoint {
  /** Everything but the weights: arguments, iteration, version. */
  readonly root: ReadonlyMap<Pickled, Pickled>;
  /** Sizes of the tensor and pipeline parallelism that it was saved with. */
  readonly split: { tensor: number; pipeline: number };
  /**
   * Slices of each tensor by tensor rank, or the whole tensor alone. Layers are numbered over all pipeline stages.
   */
  readonly slices: ReadonlyMap<string, readonly TorchTensor[]>;
  /** What later pipeline stages have of tensors that an earlier one has: copies, if the checkpoint is consistent. */
  readonly repeated: readonly { name: string; slices: readonly TorchTensor[] }[];
  /** Makes these tensors readable, which others may not be. */
  prepare(names: Iterable<string>): Promise<void>;
  close(): void;
}
