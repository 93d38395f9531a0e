/**
 * Successive halving (Jamieson and Talwalkar 2016): all trials run for a short time, the best part of them for longer, and so on. Knows
 * nothing of what a trial is.
 */

/** A round: how many trials take part, and for how many steps each. */
export interface Rung {
  trials: number;
  steps: number;
}

/** The rounds; the last has one trial at least and all steps. Between two, the trials are divided and the steps multiplied by `factor`. */
export function rungsOf({ trials, steps, factor }: { trials: number; steps: number; factor: number }): Rung[] {
  const count = Math.floor(Math.log(trials) / Math.log(factor) + 1e-9) + 1;
  return Array.from({ length: count }, (_, rung) => ({
    trials: Math.max(1, Math.floor(trials / factor ** rung + 1e-9)),
    steps: Math.max(1, Math.ceil(steps / factor ** (count - 1 - rung))),
  }));
}

/** A trial with what it scored in each round that it took part in: lower is better. */
export interface Trial<Values> {
  values: Values;
  scores: number[];
}

/** Runs all rounds and returns the trials, the best first: those that came further, then those with the lower score. */
export async function halve<Values>(
  candidates: readonly Values[],
  rungs: readonly Rung[],
  run: (values: Values, rung: Rung, index: number) => Promise<number>,
): Promise<Trial<Values>[]> {
  const trials = candidates.map((values, index) => ({ values, scores: [] as number[], index }));
  let left = trials;
  for (const rung of rungs) {
    left = left.slice(0, rung.trials);
    for (const trial of left) trial.scores.push(await run(trial.values, rung, trial.index));
    left = left.toSorted((a, b) => a.scores.at(-1)! - b.scores.at(-1)!);
  }
  return trials
    .toSorted((a, b) => b.scores.length - a.scores.length || a.scores.at(-1)! - b.scores.at(-1)!)
    .map(({ values, scores }) => ({ values, scores }));
}
