/** Refuses a run that this machine's memory cannot hold, before anything is allocated, and finds the cheapest change that fits. */
import type { ModelConfig } from "@megatron-ts/model";
import type { Tokenizer } from "@megatron-ts/tokenizer";
import type { PretrainConfig } from "../configuration/pretrain-configuration.ts";
import { ConfigError } from "../errors.ts";
import { formatBytes } from "../logging/quantities.ts";
import { partsOf } from "../objectives/configuration.ts";
import { resolveObjective } from "../objectives/open-objective.ts";
import { machineMemory } from "./machine-memory.ts";
import { type CountMemory, PROCESS_BYTES, planStep, type StepPlan } from "./plan-memory.ts";

/** What a run on this machine is, besides its recipe. */
export interface FitOptions {
  model: ModelConfig;
  tokenizer: Tokenizer;
  count: CountMemory;
  /** Ranks that share the machine. Default: 1. */
  ranks?: number;
  /** In bytes. Default: that of this machine or container. */
  available?: number;
}

type Change = Partial<Pick<PretrainConfig["train"], "recompute" | "microBatchSize">> &
  Partial<Pick<PretrainConfig["engine"], "precision">>;

/** Throws a ConfigError for a run that cannot fit. Never refuses one that can: what is not known for sure does not count. */
export function checkFits(configuration: PretrainConfig, options: FitOptions): void {
  const { ranks = 1, available = machineMemory() } = options;
  const known = new Map<string, number>();
  const plan = (change: Change) => {
    const key = JSON.stringify(Object.entries(change).sort());
    const bytes = known.get(key) ?? ranks * PROCESS_BYTES + leastBytes(change, { configuration, options });
    known.set(key, bytes);
    return bytes;
  };
  const needed = plan({});
  if (needed <= available) return;
  const { train } = configuration;
  const on = ranks === 1 ? "this machine" : `this machine, which ${ranks} ranks share,`;
  const has = `${formatBytes(needed)} of memory, and ${on} has ${formatBytes(available)}`;
  const change = cheapestChange(configuration, { plan, available });
  if (change) {
    const settings = `${describe(change)} fits (${formatBytes(plan(change))})`;
    throw new ConfigError([
      { path: "train", message: `a step of ${train.microBatchSize} samples needs ${has}: ${settings}` },
    ]);
  }
  const advice = "neither smaller micro-batches nor recomputation fit: choose a smaller model, or more machines";
  throw new ConfigError([{ path: "model", message: `a step needs ${has}; ${advice} with parallel.tensor` }]);
}

/** Bytes of tensors of all ranks of this machine that are certain. */
function leastBytes(
  { precision, ...train }: Change,
  { configuration, options }: { configuration: PretrainConfig; options: FitOptions },
): number {
  const { backend } = configuration.engine;
  const changed: PretrainConfig = {
    ...configuration,
    train: { ...configuration.train, ...train },
    engine: { ...configuration.engine, ...(precision && { precision }) },
  };
  const { stages } = planStep(changed, options);
  const objective = resolveObjective(configuration.train.objective, options.model);
  const { tensor, data, context } = configuration.parallel;
  // The lengths of pairs are the text's, other backends have other intermediate results, and ranks that share tokens are not alike.
  const isKnown = (backend === null || backend === "native") && context === 1;
  const hasPairs = partsOf(objective).some(({ name }) => name === "source-target");
  const bytes = stages.map(({ memory }) => (isKnown && !hasPairs ? memory.peak : stateBytes(memory)));
  const { ranks = 1 } = options;
  // Of a run on several machines, these may be ranks of any stage.
  return ranks === tensor * data * context * stages.length
    ? (ranks / stages.length) * bytes.reduce((sum, each) => sum + each, 0)
    : ranks * Math.min(...bytes);
}

/** All of these are there when weights are updated. */
const stateBytes = ({ weights, optimizer }: StepPlan["memory"]) => 2 * weights + optimizer;

/** The first that fits: smaller micro-batches cost nothing to speak of, then what costs more. */
function cheapestChange(
  { train, engine, parallel }: PretrainConfig,
  { plan, available }: { plan: (change: Change) => number; available: number },
): Change | null {
  const { recompute } = train;
  const more =
    recompute === "none" ? (["selective", "full"] as const) : recompute === "full" ? [] : (["full"] as const);
  const narrow: Change[] = engine.precision === "f32" ? [{ precision: "bf16" }] : [];
  const last: Change = { ...(more.length > 0 && { recompute: "full" as const }), ...narrow[0] };
  if (plan({ ...last, microBatchSize: 1 }) > available) return null;
  const tried: Change[] = [
    {},
    ...more.slice(0, -1).map((mode) => ({ recompute: mode })),
    ...narrow,
    ...more.slice(-1).map((mode) => ({ recompute: mode })),
    last,
  ];
  const rows = Math.ceil(train.batchSize / parallel.data);
  for (const change of tried) {
    const [one, two] = [1, 2].map((microBatchSize) => plan({ ...change, microBatchSize })) as [number, number];
    if (one > available) continue;
    const most = Math.min(train.microBatchSize, rows, 1 + Math.floor((available - one) / Math.max(1, two - one)));
    for (let microBatchSize = most; microBatchSize > 1; microBatchSize--) {
      if (rows % microBatchSize !== 0) continue;
      const found = { ...change, microBatchSize };
      if (plan(found) <= available) return found;
    }
    return { ...change, microBatchSize: 1 };
  }
  return null;
}

/** As options of the command line. */
function describe({ microBatchSize, recompute, precision }: Change): string {
  return [
    microBatchSize !== undefined && `--train.microBatchSize ${microBatchSize}`,
    recompute !== undefined && `--train.recompute ${recompute}`,
    precision !== undefined && `--engine.precision ${precision}`,
  ]
    .filter(Boolean)
    .join(" ");
}
