/** What a rank of a fine-tuning does. */
import packageJson from "../../package.json" with { type: "json" };
import { finetuneTokenizer } from "../finetune-tokenizer.ts";
import type { FinetuneRun, Outcome, RankOptions } from "./rank-run.ts";

/** Loads what a rank needs besides its recipe, and returns what trains it once an engine has started. */
export async function prepareFinetuning(
  { configuration, resume, breakLock }: FinetuneRun,
  { transport, ranksHere, ...own }: RankOptions,
): Promise<() => Promise<Outcome<FinetuneRun>>> {
  const { finetune } = await import("@megatron-ts/tasks");
  const { createMesh } = await import("@megatron-ts/parallel");
  const tokenizer = await finetuneTokenizer(configuration);
  const memory = ranksHere === null ? undefined : await memoryOf(ranksHere);
  const mesh = transport ? createMesh(transport, configuration.parallel) : undefined;
  const { version } = packageJson;
  return () => finetune(configuration, { tokenizer, memory, resume, breakLock, mesh, version, ...own });
}

/** Reads the rows and checks all that is the same on every rank, once. */
export async function checkFinetuning(
  { configuration }: FinetuneRun,
  { ranksHere, onData }: Pick<RankOptions, "onData"> & { ranksHere: number },
): Promise<void> {
  const { checkFinetune } = await import("@megatron-ts/tasks");
  const tokenizer = await finetuneTokenizer(configuration);
  checkFinetune(configuration, { tokenizer, memory: await memoryOf(ranksHere), onData });
}

async function memoryOf(ranks: number) {
  const { loadMemoryCounter } = await import("@megatron-ts/engine");
  return { count: await loadMemoryCounter(), ranks };
}
