import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { plateauConfigSchema, scheduleConfigSchema } from "./configuration.ts";
import { initialPlateauState, nextPlateauState } from "./plateau.ts";
import { createSchedule } from "./schedules.ts";

const golden = JSON.parse(
  readFileSync(new URL("../../../../fixtures/schedules/schedules.json", import.meta.url), "utf8"),
);
const { peak, minimum, warmupSteps, steps } = golden;

function rates(config: object, count = steps + 1) {
  const schedule = createSchedule(scheduleConfigSchema.parse(config), { learningRate: peak, steps });
  return Array.from({ length: count }, (_, step) => schedule.at(step));
}

function expectRates(actual: number[], expected: number[]) {
  expect(actual).toHaveLength(expected.length);
  for (const [step, rate] of expected.entries()) {
    expect(Math.abs(actual[step]! - rate), `step ${step}: ${actual[step]} and ${rate}`).toBeLessThan(1e-12 * peak);
  }
}

describe("the rates of PyTorch's and transformers' schedulers", () => {
  it.each([
    ["constant", { name: "constant", warmupSteps }, golden.constant],
    ["linear", { name: "linear", warmupSteps, minimum }, golden.linear],
    ["cosine", { name: "cosine", warmupSteps, minimum }, golden.cosine],
    ["inverse square root", { name: "inverse-square-root" }, golden.inverseSquareRoot],
    ["wsd, linear", { name: "wsd", decaySteps: 10, minimum, decay: "linear" }, golden.wsd.linear],
    ["wsd, cosine", { name: "wsd", decaySteps: 10, minimum, decay: "cosine" }, golden.wsd.cosine],
    ["wsd, 1 - square root", { name: "wsd", decaySteps: 10, minimum }, golden.wsd.minusSquareRoot],
  ])("%s", (_, config, expected) => expectRates(rates(config), expected));

  it.each(golden.plateau as { losses: number[]; rates: number[] }[])(
    "reduce on plateau with factor $factor, patience $patience",
    (run) => {
      const { losses, rates: expected, ...options } = run;
      const config = scheduleConfigSchema.parse({ name: "reduce-on-plateau", minimum, ...options });
      let schedule = createSchedule(config, { learningRate: peak, steps });
      expectRates(
        losses.map((loss) => {
          schedule = schedule.next(loss);
          return schedule.at(0);
        }),
        expected,
      );
    },
  );
});

describe("by hand", () => {
  const at = (config: object, step: number, run = { learningRate: 1, steps: 100 }) =>
    createSchedule(scheduleConfigSchema.parse(config), run).at(step);

  it("warm-up rises by equal steps, from above zero to the peak", () => {
    expect([0, 1, 2, 3, 4].map((step) => at({ name: "constant", warmupSteps: 3 }, step))).toEqual([
      0.25, 0.5, 0.75, 1, 1,
    ]);
    expect(at({ name: "reduce-on-plateau", warmupSteps: 3 }, 1)).toBe(0.5);
  });

  it("a decay ends at endStep and stays at its minimum", () => {
    const config = { name: "linear", endStep: 50, minimum: 0.5 };
    expect([0, 25, 50, 99].map((step) => at(config, step))).toEqual([1, 0.75, 0.5, 0.5]);
  });

  it("inverse square root halves when four times the warm-up has passed", () => {
    const config = { name: "inverse-square-root", warmupSteps: 9 };
    expect(at(config, 9)).toBe(1);
    expect(at(config, 39)).toBe(0.5);
    expect(at({ ...config, minimum: 0.6 }, 39)).toBe(0.6);
  });

  it.each([
    { name: "linear", warmupSteps: 20, minimum: 0.1 },
    { name: "cosine", warmupSteps: 20, endStep: 80 },
    { name: "wsd", warmupSteps: 20, decaySteps: 40 },
  ])("ended by the clock or by steps, a decay has the same shape: $name", (config) => {
    const schedule = createSchedule(scheduleConfigSchema.parse(config), { learningRate: 1, steps: 100 });
    for (let step = 20; step <= 100; step++) {
      // A quarter of the steps in all of the time.
      const slow = Math.floor(20 + (step - 20) / 4);
      expect(schedule.at(slow, (step - 20) / 80)).toBeCloseTo(schedule.at(step), 12);
    }
  });

  it("the clock hurries no warm-up, and what has no end", () => {
    for (const config of [{ name: "linear" }, { name: "constant" }, { name: "inverse-square-root" }]) {
      const schedule = createSchedule(scheduleConfigSchema.parse({ ...config, warmupSteps: 4 }), {
        learningRate: 1,
        steps: 100,
      });
      expect([0, 1, 2, 3].map((step) => schedule.at(step, 0.9))).toEqual([0.2, 0.4, 0.6, 0.8]);
      if (config.name !== "linear") expect(schedule.at(50, 0.9)).toBe(schedule.at(50));
    }
  });

  it("steps that are ahead of the clock count", () => {
    expect(at({ name: "linear" }, 50)).toBe(0.5);
    const schedule = createSchedule(scheduleConfigSchema.parse({ name: "linear" }), { learningRate: 1, steps: 100 });
    expect(schedule.at(50, 0.25)).toBe(0.5);
  });

  it("wsd holds the peak up to its last decaySteps", () => {
    const config = { name: "wsd", decaySteps: 20 };
    expect([0, 80, 85, 100].map((step) => at(config, step))).toEqual([1, 1, 0.5, 0]);
  });
});

describe("the state of reduce-on-plateau", () => {
  const config = plateauConfigSchema.parse({ name: "reduce-on-plateau", factor: 0.5, patience: 1, cooldown: 1 });
  const losses = [3, 2, 2, 2, 2, Number.NaN, 2, 1, 1, 1, 1];

  it("continues from a checkpoint as if there had been none", () => {
    const run = { learningRate: 1, steps: 100 };
    let whole = createSchedule(config, run);
    let interrupted = createSchedule(config, run);
    for (const loss of losses) {
      whole = whole.next(loss);
      interrupted = interrupted.next(loss);
      interrupted = createSchedule(config, { ...run, state: JSON.parse(JSON.stringify(interrupted.state)) });
      expect(interrupted.state).toEqual(whole.state);
      expect(interrupted.at(50)).toBe(whole.at(50));
    }
    expect(whole.at(50)).toBe(0.125);
  });

  it("a loss that is not a number is no improvement", () => {
    const state = nextPlateauState(initialPlateauState, Number.NaN, config);
    expect(state).toEqual({ factor: 1, best: null, waited: 1, cooldown: 0 });
    expect(nextPlateauState(state, 5, config)).toEqual({ factor: 1, best: 5, waited: 0, cooldown: 0 });
  });

  it("the other schedules carry none", () => {
    const schedule = createSchedule({ name: "constant", warmupSteps: 0 }, { learningRate: 1, steps: 1 });
    expect(schedule.state).toBeNull();
    expect(schedule.next(3)).toBe(schedule);
  });
});
