/** Opens a checkpoint of Megatron-LM in whichever format it was saved. */
import { userError } from "../errors.ts";
import { openDistributedTensors } from "./distributed-tensors.ts";
import { formatOf } from "./iteration-directory.ts";
import type { OpenedCheckpoint } from "./opened-checkpoint.ts";
import { openRankTensors } from "./rank-tensors.ts";

/**
 * Reads the descriptions of an iteration. Tensors are read when they are asked for.
 * @throws CheckpointError for a format that is not supported, and for what is damaged, incomplete or not allowed
 */
export async function openTensors(iteration: string): Promise<OpenedCheckpoint> {
  switch (formatOf(iteration)) {
    case "torch":
      return openRankTensors(iteration);
    case "torch_dist":
      return openDistributedTensors(iteration);
    default:
      throw userError(
        `${iteration}: this checkpoint format is not supported; convert it with --ckpt-convert-format torch_dist`,
      );
  }
}
