/** Opens a checkpoint of Megatron-LM in whichever format it was saved. */
import { userError } from "../errors.ts";
import { openDistributedTensors } from "./distributed-tensors.ts";
import { formatOf, iterationDirectory } from "./iteration-directory.ts";
import type { OpenedCheckpoint } from "./opened-checkpoint.ts";
import { openRankTensors } from "./rank-tensors.ts";

/**
 * Reads the descriptions of a checkpoint, or of one of its iterations. Tensors are read when they are asked for.
 * @throws CheckpointError for a format that is not supported, and for what is damaged, incomplete or not allowed
 */
export async function openTensors(directory: string): Promise<OpenedCheckpoint> {
  const iteration = iterationDirectory(directory);
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
