/** What a rank of a pretraining does. */
import packageJson from "../../package.json" with { type: "json" };
import type { Outcome, PretrainRun, RankOptions } from "./rank-run.ts";

/** Loads what a rank needs besides its recipe, and returns what trains it once an engine has started. */
export async function preparePretraining(
  { configuration, resume, breakLock }: PretrainRun,
  { transport, ranksHere, onEvent, stop }: RankOptions,
): Promise<() => Promise<Outcome<PretrainRun>>> {
  const { checkFits, completeModel, pretrain } = await import("@megatron-ts/train");
  const { createMesh } = await import("@megatron-ts/parallel");
  const { loadTokenizer } = await import("@megatron-ts/tokenizer/files");
  const { readCompanionFiles } = await import("@megatron-ts/checkpoint");
  const tokenizer = await loadTokenizer(configuration.data.tokenizer);
  const files = readCompanionFiles(configuration.data.tokenizer, "tokenizer descriptions");
  if (ranksHere !== null) {
    const { loadMemoryCounter } = await import("@megatron-ts/engine");
    const count = await loadMemoryCounter();
    const model = completeModel(configuration.model, tokenizer);
    checkFits(configuration, { model, tokenizer, count, ranks: ranksHere });
  }
  const mesh = transport ? createMesh(transport, configuration.parallel) : undefined;
  const { version } = packageJson;
  return () => pretrain(configuration, { tokenizer, files, resume, breakLock, mesh, version, onEvent, stop });
}
