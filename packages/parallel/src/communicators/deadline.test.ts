/** How long a rank waits, by a clock of its own. */
import { describe, expect, it } from "vitest";
import { createDeadline, type Sign } from "./deadline.ts";

/** The sign of another rank after a number of seconds of waiting. */
type Shown = (other: number, seconds: number) => Partial<Sign> | null;

/** Rank 0 of three, whose clock starts with the run. */
function createRun() {
  let time = 0;
  let shown: Shown = () => null;
  let since = 0;
  const signOf = (other: number) => {
    const sign = shown(other, (time - since) / 1000);
    return sign && { at: since, waits: false, gap: 0, ...sign };
  };
  const deadline = createDeadline({ rank: 0, hosts: ["a", "b", "c"], timeoutSeconds: 8, now: () => time, signOf });
  /** Works for `seconds` in kernels of the given length, then exchanges with others that answer at once. */
  function exchange(seconds: number, { kernel = seconds, patience = 0 } = {}): void {
    for (let worked = kernel; worked < seconds; worked += kernel) {
      time += 1000 * kernel;
      deadline.work();
    }
    time += 1000 * kernel;
    deadline.begin(patience);
    deadline.check(() => [1]);
    deadline.end();
  }
  /** Waits for ranks 1 and 2 in vain: for how many seconds, and which are to blame. */
  function waits(of: Shown = () => null, patience?: number): { seconds: number; blamed: string[] } {
    deadline.begin(patience);
    since = time;
    shown = of;
    for (; time - since < 1e6; time += 100) {
      try {
        deadline.check(() => [1, 2]);
      } catch (error) {
        const { name, message } = error as Error;
        expect(name).toBe("RankError");
        deadline.end();
        return { seconds: (time - since) / 1000, blamed: message.match(/rank \d on \w/g)! };
      }
    }
    throw new Error("it waits forever");
  }
  /** Exchanges until the run is no longer young. */
  const settle = (seconds: number, options?: { kernel?: number }) => {
    for (let i = 0; i < 25; i++) exchange(seconds, options);
  };
  /** Lets time pass in which this rank does not run. */
  const sleep = (seconds: number) => {
    time += 1000 * seconds;
  };
  return { deadline, exchange, waits, settle, sleep, now: () => time };
}

const both = ["rank 1 on b", "rank 2 on c"];

describe("a deadline", () => {
  it("is that of the longest kernel, however long steps are", () => {
    const { settle, waits } = createRun();
    settle(30, { kernel: 0.5 });
    expect(waits()).toEqual({ seconds: 9, blamed: both });
  });

  it("is that of the work between exchanges while a run is young", () => {
    const { exchange, waits } = createRun();
    expect(waits().seconds).toBe(8);
    exchange(3, { kernel: 0.1 });
    expect(waits().seconds).toBe(38);
  });

  it("forgets long work with time", () => {
    const { exchange, settle, waits } = createRun();
    exchange(30);
    settle(1);
    const soon = waits().seconds;
    for (let i = 0; i < 1000; i++) exchange(1);
    expect(waits().seconds).toBe(10);
    expect(soon).toBeGreaterThan(30);
  });

  it("does not measure others by what they are patient with", () => {
    const { exchange, waits } = createRun();
    exchange(50, { patience: 3600 });
    expect(waits(undefined, 60).seconds).toBe(68);
    expect(waits().seconds).toBe(8);
  });

  it("starts again with each sign of the rank that is waited for, and blames only the others", () => {
    const { waits, now } = createRun();
    const until = (seconds: number) => Math.min(now(), 1000 * seconds);
    expect(waits((other) => ({ at: other === 1 ? until(60) : until(20) }))).toEqual({
      seconds: 28,
      blamed: both.slice(1),
    });
  });

  it("does not count time in which this rank itself did not run", () => {
    const { deadline, sleep } = createRun();
    deadline.begin();
    sleep(60);
    deadline.check(() => [1]);
    for (let tenths = 0; tenths < 79; tenths++) {
      sleep(0.1);
      deadline.check(() => [1]);
    }
    sleep(0.1);
    expect(() => deadline.check(() => [1])).toThrow(/^rank 1 on b /);
  });

  it("is longer for ranks whose own signs are further apart", () => {
    const { waits } = createRun();
    expect(waits(() => ({ gap: 3000 })).seconds).toBe(14);
  });

  it("leaves it to the rank that waits for another directly to report it", () => {
    const { waits } = createRun();
    expect(waits((other) => ({ waits: other === 1 }))).toEqual({ seconds: 8, blamed: both.slice(1) });
    expect(waits(() => ({ waits: true })).seconds).toBe(10);
  });

  it("passes on what is known of the ranks that it waits for", () => {
    const { deadline, settle, now } = createRun();
    settle(1);
    const began = now();
    expect(deadline.sign()).toEqual({ at: began, waits: false, gap: 1000 });
    deadline.begin();
    expect(deadline.sign([1])).toEqual({ at: began, waits: true, gap: 1000 });
  });
});
