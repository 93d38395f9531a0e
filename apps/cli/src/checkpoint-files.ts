/** Reads the files beside a checkpoint's weights. */
import type { LoadedCheckpoint } from "@megatron-ts/checkpoint";

/** Whether the checkpoint contains a file of this name. */
export const hasFile = ({ manifest }: LoadedCheckpoint, name: string): boolean =>
  manifest.files.some((file) => file.name === name);

/** The text of a file of the checkpoint. */
export const readText = (checkpoint: LoadedCheckpoint, name: string): string =>
  Buffer.from(checkpoint.readFile(name)).toString("utf8");
