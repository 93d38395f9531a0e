/** How the ranks that save together learn how each of them fared: where one failed, all throw its error. */
import { hostname } from "node:os";
import type { Communicator } from "@megatron-ts/parallel";
import { CheckpointError } from "./errors.ts";

/** The ranks that save a checkpoint together. */
export type SavingRanks = Pick<Communicator, "rank" | "size" | "barrier" | "gatherText" | "reduce">;

/** A process that saves alone. */
export const alone: SavingRanks = {
  rank: 0,
  size: 1,
  barrier: () => {},
  gatherText: (text) => [text],
  reduce: () => {},
};

/** How much longer than usual ranks wait for one that writes, in seconds. */
export const SAVING_SECONDS = 3600;

/** What came of a rank's work. */
export type Outcome<Result> = { result: Result } | { error: Error };

/** Does the work of this rank. */
export function outcomeOf<Result>(work: () => Result): Outcome<Result> {
  try {
    return { result: work() };
  } catch (error) {
    return { error: error as Error };
  }
}

/** What is left of an error on another rank or thread. */
export interface SaveFailure {
  message: string;
  userError: boolean;
}

/** Describes an error for another rank or thread. */
export const failureOf = (error: Error): SaveFailure => ({
  message: error.message,
  userError: error instanceof CheckpointError && error.userError,
});

/** The error of another rank or thread. */
export const errorOf = ({ message, userError }: SaveFailure): CheckpointError =>
  new CheckpointError(message, { userError });

/**
 * The results of all ranks, which are JSON. All of them call it.
 * @throws the error of the first rank that failed; a CheckpointError that names the rank where it was another than the first
 */
export function agree<Result>(outcome: Outcome<Result>, ranks: SavingRanks): Result[] {
  if (ranks.size === 1) return [resultOf(outcome)];
  const { rank } = ranks;
  const own = "error" in outcome ? { failure: failureOf(outcome.error) } : outcome;
  if ("failure" in own && rank > 0) own.failure.message = `rank ${rank} on ${hostname()}: ${own.failure.message}`;
  const all = ranks
    .gatherText(JSON.stringify(own), { patience: SAVING_SECONDS })
    .map((text) => JSON.parse(text) as { result: Result } | { failure: SaveFailure });
  return all.map((each) => {
    if ("failure" in each) throw errorOf(each.failure);
    return each.result;
  });
}

function resultOf<Result>(outcome: Outcome<Result>): Result {
  if ("error" in outcome) throw outcome.error;
  return outcome.result;
}
