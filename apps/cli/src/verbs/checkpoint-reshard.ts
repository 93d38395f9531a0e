/** `megatron checkpoint reshard`: rewrites a checkpoint that many ranks saved, in few files or in smaller ones. */
import type { Command } from "commander";
import { addExamples, addJsonOption } from "../options/common-options.ts";
import { nonEmpty, positive } from "../options/option-values.ts";
import { pluralize } from "../terminal/pluralize.ts";
import type { Terminal } from "../terminal/terminal.ts";

interface Options {
  maxShardSize?: number;
  json?: boolean;
}

export function addCheckpointReshard(parent: Command, terminal: Terminal): void {
  const command = parent
    .command("reshard")
    .usage("<path> <directory> [options]")
    .description(
      "rewrite a checkpoint in other files, with the same tensors: those that many ranks saved become few, which are easier to copy. " +
        "Loading never needs it: every checkpoint loads at any split",
    )
    .argument("<path>", "checkpoint, or run directory for its newest one", nonEmpty)
    .argument("<directory>", "where to write it; must not exist", nonEmpty)
    .option(
      "--max-shard-size <GiB>",
      "size of the largest file; a larger tensor has one of its own (default: 4)",
      positive,
    )
    .action((path: string, directory: string, options: Options) => run(path, directory, options, terminal));
  addExamples(addJsonOption(command), [
    "megatron checkpoint reshard runs/a/step-00001000 copies/a",
    "megatron checkpoint reshard runs/a copies/a --max-shard-size 1",
  ]);
}

async function run(
  path: string,
  directory: string,
  { maxShardSize, json }: Options,
  terminal: Terminal,
): Promise<void> {
  const { reshardCheckpoint, resolveCheckpoint } = await import("@megatron-ts/checkpoint");
  const maxShardBytes = maxShardSize === undefined ? undefined : maxShardSize * 2 ** 30;
  const { before, after } = await reshardCheckpoint(resolveCheckpoint(path), directory, { maxShardBytes });
  if (json) return terminal.json({ directory, filesBefore: before, filesAfter: after });
  terminal.print(`${directory}: tensors in ${pluralize(after, "file")} (${before} before)`);
}
