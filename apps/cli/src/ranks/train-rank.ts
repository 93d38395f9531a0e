/** What each rank of a training run does, wherever it runs. */
import type { Transport } from "@megatron-ts/parallel";
import type { PretrainConfig, PretrainOptions } from "@megatron-ts/train";
import packageJson from "../../package.json" with { type: "json" };

/** What a run is, besides its recipe; the same on every rank. */
export interface RankRun {
  configuration: PretrainConfig;
  resume: string;
  breakLock?: boolean;
}

type Train = () => ReturnType<typeof import("@megatron-ts/train")["pretrain"]>;

/** Loads what a rank needs besides its recipe, and returns what trains it once an engine has started. */
export async function prepareRank({ configuration, resume, breakLock }: RankRun, options: RankOptions): Promise<Train> {
  const { checkFits, completeModel, pretrain } = await import("@megatron-ts/train");
  const { createMesh } = await import("@megatron-ts/parallel");
  const { loadTokenizer } = await import("@megatron-ts/tokenizer/files");
  const { readCompanionFiles } = await import("@megatron-ts/checkpoint");
  const tokenizer = await loadTokenizer(configuration.data.tokenizer);
  const files = readCompanionFiles(configuration.data.tokenizer, "tokenizer descriptions");
  const { transport, ranksHere, ...own } = options;
  if (ranksHere !== null) {
    const { loadMemoryCounter } = await import("@megatron-ts/engine");
    const count = await loadMemoryCounter();
    const model = completeModel(configuration.model, tokenizer);
    checkFits(configuration, { model, tokenizer, count, ranks: ranksHere });
  }
  const mesh = transport ? createMesh(transport, configuration.parallel) : undefined;
  const { version } = packageJson;
  return () => pretrain(configuration, { tokenizer, files, resume, breakLock, mesh, version, ...own });
}

/** What a rank has of its own; without a transport it is alone. */
interface RankOptions extends Pick<PretrainOptions, "onEvent" | "stop"> {
  transport: Transport | null;
  /** Ranks on this machine, whose memory is checked; null where it has been. */
  ranksHere: number | null;
}

/** The number of ranks that a recipe asks for. */
export const ranksOf = ({ parallel }: PretrainConfig): number =>
  parallel.tensor * parallel.pipeline * parallel.data * parallel.context;
