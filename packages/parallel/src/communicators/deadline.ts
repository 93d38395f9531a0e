/**
 * How long a rank waits for another. All ranks do the same work, so one that takes much longer than this rank itself lately took
 * between two exchanges has died or hangs. Work that only one of them does, such as saving, is waited for with patience, and is no
 * measure of the rest.
 */
import { RankError } from "../errors.ts";

/** Seconds, besides the multiple of this rank's own work. */
const DEFAULT_TIMEOUT_SECONDS = 8;

/** As many times as long as this rank's longest work may another rank take. */
const SLACK = 10;

/** Length of a measuring window, in milliseconds: work of the current and the previous window counts. */
const LATELY = 10_000;

/** The clock of one rank. */
export interface Deadline {
  /** Starts waiting: this rank's own work is done. */
  begin(patience?: number): void;
  /** Throws a RankError if the wait is over; `awaited` says which ranks have not answered. */
  check(awaited: () => readonly number[]): void;
  /** The wait is over. */
  end(): void;
  /** Seconds of all waits so far. */
  waitedSeconds(): number;
}

/** @param options.timeoutSeconds for work that takes no time. `now` is a clock in milliseconds. */
export function createDeadline({
  rank,
  hosts,
  timeoutSeconds = DEFAULT_TIMEOUT_SECONDS,
  now = () => performance.now(),
}: {
  rank: number;
  hosts: readonly string[];
  timeoutSeconds?: number;
  now?: () => number;
}): Deadline {
  let [longest, longestBefore] = [0, 0];
  let intervalSince = now();
  let workedSince = now();
  let waitingSince = 0;
  let limit = 0;
  let waited = 0;
  return {
    begin(patience = 0) {
      waitingSince = now();
      if (waitingSince - intervalSince > LATELY) {
        [longest, longestBefore] = [0, longest];
        intervalSince = waitingSince;
      }
      if (patience === 0) longest = Math.max(longest, waitingSince - workedSince);
      limit = 1000 * (timeoutSeconds + patience) + SLACK * Math.max(longest, longestBefore);
    },
    check(awaited) {
      if (now() - waitingSince < limit) return;
      const names = awaited().map((other) => `rank ${other} on ${hosts[other]}`);
      const seconds = (limit / 1000).toPrecision(2);
      throw new RankError(
        `${names.join(" and ")} did not answer rank ${rank} within ${seconds} seconds: it has died, hangs or is cut off; ` +
          "rerun the same command with --resume auto",
      );
    },
    end() {
      workedSince = now();
      waited += workedSince - waitingSince;
    },
    waitedSeconds: () => waited / 1000,
  };
}
