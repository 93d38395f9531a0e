/** How long a rank waits, by a clock of its own. */
import { describe, expect, it } from "vitest";
import { createDeadline } from "./deadline.ts";

function createClock() {
  let time = 0;
  const deadline = createDeadline({ rank: 0, hosts: ["a", "b"], timeoutSeconds: 8, now: () => time });
  /** Works, waits as long as the deadline allows, and says how many seconds that was. */
  function patienceAfter(work: number, patience?: number): number {
    time += 1000 * work;
    deadline.begin(patience);
    const since = time;
    for (;;) {
      try {
        deadline.check(() => [1]);
      } catch (error) {
        expect(error).toMatchObject({ name: "RankError", message: expect.stringMatching(/^rank 1 on b /) });
        deadline.end();
        return (time - since) / 1000;
      }
      time += 100;
    }
  }
  /** Works and waits for an answer that comes at once. */
  const exchange = (work: number, patience?: number) => {
    time += 1000 * work;
    deadline.begin(patience);
    deadline.check(() => [1]);
    deadline.end();
  };
  return { patienceAfter, exchange };
}

describe("a deadline", () => {
  it("allows ten times this rank's own work besides the timeout", () => {
    const { patienceAfter } = createClock();
    expect(patienceAfter(0)).toBe(8);
    expect(patienceAfter(3)).toBe(38);
  });

  it("forgets work that lately took less time", () => {
    const { patienceAfter, exchange } = createClock();
    exchange(3);
    for (let step = 0; step < 25; step++) exchange(1);
    expect(patienceAfter(1)).toBe(18);
  });

  it("does not measure others by what they are patient with", () => {
    const { patienceAfter, exchange } = createClock();
    exchange(50, 3600);
    expect(patienceAfter(0)).toBe(8);
    expect(patienceAfter(2, 60)).toBe(68);
  });
});
