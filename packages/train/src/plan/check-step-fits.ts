/**
 * Refuses a run whose step this machine's memory cannot hold, where the rows are known: fine-tuning. Knows no tasks. `checkFits`
 * is the same for pretraining, with a stand-in for the text.
 */
import { ConfigError } from "../errors.ts";
import { formatBytes } from "../logging/quantities.ts";
import { machineMemory } from "./machine-memory.ts";
import { type KnownStep, planKnownStep } from "./plan-known-step.ts";
import { type CountMemory, PROCESS_BYTES } from "./plan-memory.ts";

/**
 * Throws a ConfigError for a run that cannot fit. Never refuses one that can: what is not known for sure does not count.
 * @param options.ranks those that share this machine. Default: one
 */
export function checkStepFits(
  step: KnownStep,
  { count, available = machineMemory(), ranks = 1 }: { count: CountMemory; available?: number; ranks?: number },
): void {
  const { engine, rows } = step;
  const isKnown = engine.backend === null || engine.backend === "native";
  const plan = (microBatchSize: number) => {
    const { memory } = planKnownStep(step, { count, microBatchSize });
    // Other backends have other intermediate results.
    return ranks * (PROCESS_BYTES + (isKnown ? memory.peak : memory.weights + memory.optimizer));
  };
  const needed = plan(rows);
  if (needed <= available) return;
  const one = plan(1);
  const has = `${formatBytes(needed)} of memory, and this machine${ranks === 1 ? "" : `, which ${ranks} ranks share,`} has ${formatBytes(available)}`;
  if (one > available) {
    throw new ConfigError([{ path: "model", message: `a step needs ${has}: choose a smaller model, or --lora` }]);
  }
  // An estimate, since blocks of memory are rounded up.
  let fitting = Math.max(1, Math.min(rows - 1, 1 + Math.floor(((rows - 1) * (available - one)) / (needed - one))));
  while (fitting > 1 && plan(fitting) > available) fitting = Math.floor(0.8 * fitting);
  const advice = `--train.microBatchSize ${fitting} fits (${formatBytes(plan(fitting))})`;
  throw new ConfigError([{ path: "train", message: `a step of ${rows} rows needs ${has}: ${advice}` }]);
}
