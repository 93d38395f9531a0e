/** Tells whether a model's files have been replaced by newer ones, such as those of a run's next checkpoint. */
import { statSync } from "node:fs";
import { join } from "node:path";
import { adapterAt, resolveCheckpoint } from "@megatron-ts/checkpoint";
import { bestOfFineTuning } from "@megatron-ts/train";
import type { ServedAdapter } from "../engine/served-adapter.ts";

/** When a directory's description was last written; a directory of PEFT's has no manifest. */
function written(directory: string): number {
  const file = ["manifest.json", "adapter_config.json"].map((name) =>
    statSync(join(directory, name), { throwIfNoEntry: false }),
  );
  return file.find((found) => found !== undefined)?.mtimeMs ?? 0;
}

/** A text that changes with the files that would be loaded now. Throws a CheckpointError where there are none. */
export function checkpointVersion({
  checkpoint,
  adapters,
  draft,
}: {
  checkpoint: string;
  adapters: readonly ServedAdapter[];
  draft?: { checkpoint: string };
}): string {
  const directories = [
    resolveCheckpoint(bestOfFineTuning(checkpoint)),
    ...(draft ? [resolveCheckpoint(bestOfFineTuning(draft.checkpoint))] : []),
    ...adapters.map(({ directory }) => adapterAt(bestOfFineTuning(directory))),
  ];
  return directories.map((directory) => `${directory}@${written(directory)}`).join("\n");
}
