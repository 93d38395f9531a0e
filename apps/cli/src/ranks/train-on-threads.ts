/** Trains with ranks that are threads of this process. The main thread shows what rank 0 reports, and answers signals. */
import { constants } from "node:os";
import type { SelfPretraining } from "@megatron-ts/tasks";
import type { PretrainOptions, RunEvent } from "@megatron-ts/train";
import { startEngine } from "../start-engine.ts";
import type { Terminal } from "../terminal/terminal.ts";
import { shareOf, warnOfTooManyRanks } from "./cores.ts";
import { checkFinetuning } from "./finetune-rank.ts";
import type { Outcome, RankOptions, RankRun } from "./rank-run.ts";
import { prepareRank, ranksOf } from "./train-rank.ts";

/** What a rank thread starts with. */
export type RankThreadRun = RankRun & { engine: { backend: string; threads: number } };

/** What a rank thread tells. */
export type RankMessage = RunEvent | { type: "self-pretraining"; run: SelfPretraining };

interface Shown extends Pick<RankOptions, "onData" | "onSelfPretrain"> {
  terminal: Terminal;
  onEvent: (event: RunEvent) => void;
  onStart: OnStart;
}

/** The built rank: next to this file in the built program, or in dist/ when running from the sources. */
function rankFile(): URL {
  const fromSources = import.meta.url.endsWith(".ts");
  return new URL(fromSources ? "../../dist/rank.js" : "./rank.js", import.meta.url);
}

/** Trains. The engine that this thread starts computes nothing: it says what the machine has, and loads the addon first. */
export async function trainOnThreads<Own extends RankRun>(
  run: Own,
  { terminal, onEvent, onStart, onData, onSelfPretrain }: Shown,
): Promise<Outcome<Own>> {
  const { runRankThreads } = await import("@megatron-ts/parallel/threads");
  const { afterStep } = await import("@megatron-ts/parallel");
  const ranks = ranksOf(run.configuration);
  // What is wrong on every rank is found once, here.
  if (run.verb === "finetune") await checkFinetuning(run, { ranksHere: ranks, onData });
  else await prepareRank(run, { transport: null, ranksHere: ranks });
  const { backend, threads } = run.configuration.engine;
  const engine = await startEngine({ backend: backend ?? undefined }, terminal);
  warnOfTooManyRanks(terminal, { ranks, cores: engine.threads });
  const own = { backend: engine.backend, threads: threads ?? shareOf(engine.threads, ranks) };
  terminal.log(`${ranks} ranks of ${own.threads === 1 ? "1 thread" : `${own.threads} threads`} each`);
  const data: RankThreadRun = { ...run, engine: own };
  let step: number | null = null;
  const onMessage = (event: RankMessage) => {
    if (event.type === "self-pretraining") return onSelfPretrain?.(event.run);
    if (event.type === "started" || event.type === "step") step = event.step;
    onEvent(event);
  };
  try {
    const [outcome] = await runRankThreads({
      file: rankFile(),
      ranks,
      data,
      onMessage: (message) => onMessage(message as RankMessage),
      onStart: (requestStop) => onStart((signal) => requestStop(constants.signals[signal])),
    });
    return outcome as Outcome<Own>;
  } catch (error) {
    // The first to notice a thread that ended is its supervisor, which knows no steps.
    throw afterStep(error, step);
  }
}

/** Receives what passes a signal on to the ranks. */
type OnStart = (stop: (signal: NodeJS.Signals) => void) => void;

/** The flag of a rank, which reads what the main thread was asked. */
export const stopFlag = (signal: () => number): NonNullable<PretrainOptions["stop"]> => ({
  get requested() {
    const number = signal();
    return number === 0 ? null : String(number);
  },
});
