/**
 * How long a rank waits for another. A rank that works shows it between its kernels, and one that waits passes on what it sees of those
 * that it waits for: whoever shows nothing for much longer than kernels take has died or hangs. Work that only one rank does besides, such
 * as saving, is waited for with patience, and is no measure of the rest.
 */
import { RankError } from "../errors.ts";

/** Seconds, besides the multiple of the longest time between two signs. */
export const DEFAULT_TIMEOUT_SECONDS = 8;

/** As many times as long as between two earlier signs may a rank show nothing. */
const SLACK = 2;

/** The same for the work between two exchanges, while too few signs have been seen to know how far apart they are. */
const EARLY_SLACK = 10;

/** A run is young until this many times its longest work between two exchanges has passed. */
const YOUTH = 20;

/** Length of a measuring window, in milliseconds: what is longest counts less in each one after. */
const LATELY = 10_000;
const FADE = 0.9;

/** Part of the timeout by which ranks that wait for a rank in vain let those report it that wait for it directly. */
const DIRECT_FIRST = 0.25;

/** Milliseconds between two looks of a rank that waits after which it was itself kept from running, as by Ctrl+Z or a full machine. */
const AWAY = 1000;

/** What a rank shows of itself. */
export interface Sign {
  /** When it last did something, or those that it waits for did, in milliseconds. */
  at: number;
  /** Whether it waits for others. */
  waits: boolean;
  /** The longest time between two signs lately, in milliseconds. */
  gap: number;
}

/** The clock of one rank. */
export interface Deadline {
  /** This rank works: a kernel has run. */
  work(): void;
  /** Starts waiting: this rank's own work is done. */
  begin(patience?: number): void;
  /** Throws a RankError if the wait is over; `awaited` says which ranks have not answered. */
  check(awaited: () => readonly number[]): void;
  /** The wait is over. */
  end(): void;
  /** What this rank shows others; while it waits, of those that it waits for. */
  sign(awaited?: readonly number[]): Sign;
  /** Milliseconds since this wait began. */
  waiting(): number;
  /** Seconds of all waits so far. */
  waitedSeconds(): number;
}

/**
 * @param options.timeoutSeconds for kernels that take no time. `now` is a clock in milliseconds. `signOf` is what another rank last
 * showed, by the same clock; null for nothing yet.
 */
export function createDeadline({
  rank,
  hosts,
  timeoutSeconds = DEFAULT_TIMEOUT_SECONDS,
  now = () => performance.now(),
  signOf = () => null,
}: {
  rank: number;
  hosts: readonly string[];
  timeoutSeconds?: number;
  now?: () => number;
  signOf?: (other: number) => Sign | null;
}): Deadline {
  const bornAt = now();
  const gap = createLongest(bornAt);
  const work = createLongest(bornAt);
  let [shownAt, workedSince, waitingSince] = [bornAt, bornAt, bornAt];
  let [checkedAt, away] = [bornAt, 0];
  let patienceLimit = 0;
  let waited = 0;

  /** How long this other rank may show nothing. */
  function limitOf({ waits, gap: others }: Pick<Sign, "waits" | "gap">): number {
    const known = 1000 * timeoutSeconds + SLACK * Math.max(gap.value(), others);
    const isYoung = waitingSince - bornAt < YOUTH * work.value();
    const limit = isYoung ? Math.max(known, 1000 * timeoutSeconds + EARLY_SLACK * work.value()) : known;
    return patienceLimit + limit + (waits ? 1000 * timeoutSeconds * DIRECT_FIRST : 0);
  }

  /** What another rank shows, as far as it belongs to this wait. */
  function shownBy(other: number): Sign {
    const found = signOf(other);
    return found
      ? { ...found, at: Math.max(found.at, waitingSince) }
      : { at: waitingSince, waits: false, gap: gap.value() };
  }

  return {
    work() {
      const time = now();
      gap.saw(time - shownAt, time);
      shownAt = time;
    },
    begin(patience = 0) {
      waitingSince = now();
      [checkedAt, away] = [waitingSince, 0];
      patienceLimit = 1000 * patience;
      if (patience > 0) return;
      gap.saw(waitingSince - shownAt, waitingSince);
      work.saw(waitingSince - workedSince, waitingSince);
    },
    check(awaited) {
      const time = now();
      if (time - checkedAt > AWAY) away += time - checkedAt;
      checkedAt = time;
      if (time - away - waitingSince < 1000 * timeoutSeconds) return;
      const silent = awaited().flatMap((other) => {
        const shown = shownBy(other);
        const limit = limitOf(shown);
        return time - away - shown.at < limit ? [] : [{ name: `rank ${other} on ${hosts[other]}`, limit }];
      });
      if (silent.length === 0) return;
      const seconds = (Math.max(...silent.map(({ limit }) => limit)) / 1000).toPrecision(2);
      throw new RankError(
        `${silent.map(({ name }) => name).join(" and ")} did not answer rank ${rank} within ${seconds} seconds: it has died, ` +
          "hangs or is cut off; rerun the same command with --resume auto",
      );
    },
    end() {
      workedSince = now();
      shownAt = workedSince;
      waited += workedSince - waitingSince;
    },
    sign(awaited) {
      if (!awaited || awaited.length === 0) return { at: shownAt, waits: false, gap: gap.value() };
      const shown = awaited.map(shownBy);
      return {
        at: Math.min(...shown.map(({ at }) => at)),
        waits: true,
        gap: Math.max(gap.value(), ...shown.map(({ gap: each }) => each)),
      };
    },
    waiting: () => now() - waitingSince,
    waitedSeconds: () => waited / 1000,
  };
}

/** The longest of some durations, of which earlier ones count less and less. */
function createLongest(bornAt: number) {
  let [longest, since] = [0, bornAt];
  return {
    saw(duration: number, time: number): void {
      for (; time - since > LATELY; since += LATELY) {
        longest *= FADE;
        if (longest < 1) since = time;
      }
      longest = Math.max(longest, duration);
    },
    value: () => longest,
  };
}
