/** `megatron checkpoint verify`: checks that checkpoints are complete, as they were saved, and finite. */
import type { Command } from "commander";
import { addExamples, addJsonOption } from "../options/common-options.ts";
import { pluralize } from "../terminal/pluralize.ts";
import type { Terminal } from "../terminal/terminal.ts";

export function addCheckpointVerify(parent: Command, terminal: Terminal): void {
  const command = parent
    .command("verify")
    .usage("<path> [options]")
    .description("check the bytes, tensors and values of a checkpoint, or of all checkpoints of a run")
    .argument("<path>", "checkpoint or run directory")
    .action((path: string, options: { json?: boolean }) => run(path, options, terminal));
  addExamples(addJsonOption(command), [
    "megatron checkpoint verify runs/a",
    "megatron checkpoint verify runs/a/step-00001000 --json",
  ]);
}

async function run(path: string, { json }: { json?: boolean }, terminal: Terminal): Promise<void> {
  const { checkCheckpoint, CheckpointError, listCheckpoints, resolveCheckpoint } = await import(
    "@megatron-ts/checkpoint"
  );
  const latest = resolveCheckpoint(path);
  const directories = latest === path ? [path] : listCheckpoints(path).map(({ directory }) => directory);
  const faults: Error[] = [];
  const results = directories.map((directory) => {
    try {
      const checked = checkCheckpoint(directory);
      const { files, tensors, values } = checked;
      const holds = [pluralize(files, "file"), pluralize(tensors, "tensor"), pluralize(values, "value")].join(", ");
      if (!json) terminal.print(`${directory}: intact (${holds})`);
      return { directory, ...checked, fault: null };
    } catch (error) {
      if (!(error instanceof CheckpointError) || !error.userError) throw error;
      faults.push(error);
      return { directory, fault: error.message };
    }
  });
  if (json) terminal.json({ checkpoints: results });
  const [first] = faults;
  if (!first) return;
  const others = faults.length > 1 ? ` (${faults.length} of ${directories.length} checkpoints have faults)` : "";
  throw new CheckpointError(`${first.message}${others}`, { userError: true });
}
