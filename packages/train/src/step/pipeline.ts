/**
 * The micro-batches of a step through the stages of a pipeline, one forward and one backward in turn (1F1B: Narayanan et al. 2021,
 * "Efficient Large-Scale Language Model Training on GPU Clusters", section 2.2): a stage keeps at most as many micro-batches as there
 * are stages from it on.
 */
import type { ForwardOptions, Model } from "@megatron-ts/model";
import { vjp } from "@megatron-ts/ops";
import { type Communicator, receiveShaped, sendShaped, trainedParameters } from "@megatron-ts/parallel";
import * as tf from "@tensorflow/tfjs";
import type { MicroBatch, Objective, StagedObjective } from "../objectives/objective.ts";

/** Rows of a micro-batch and the options of their forward. */
interface PipelineRows<Batch> {
  rows: Batch;
  options: ForwardOptions;
}

/** One action of a stage. */
export interface PipelineAction {
  pass: "forward" | "backward";
  microBatch: number;
}

/** What a stage does, in order: some forwards ahead, then one forward and one backward in turn, then the backwards that are left. */
export function pipelineSchedule({
  stage,
  stages,
  count,
}: Record<"stage" | "stages" | "count", number>): PipelineAction[] {
  const ahead = Math.min(stages - stage - 1, count);
  const actions: PipelineAction[] = [];
  for (let microBatch = 0; microBatch < count + ahead; microBatch++) {
    if (microBatch < count) actions.push({ pass: "forward", microBatch });
    if (microBatch >= ahead) actions.push({ pass: "backward", microBatch: microBatch - ahead });
  }
  return actions;
}

/** Throws an Error for an objective that cannot be computed in stages; recipes are checked before. */
function stagedOf<Batch extends MicroBatch>({ name, inStages }: Objective<Batch>): StagedObjective<Batch> {
  if (!inStages) throw new Error(`the ${name} objective cannot be computed in stages`);
  return inStages;
}

/** Where a stage is in its pipeline. */
function placeOf(axis: Communicator) {
  return { isFirst: axis.rank === 0, isLast: axis.rank === axis.size - 1 };
}

/**
 * Runs micro-batches through this rank's stage. Returns the sum of their losses, on the last stage (0 on others), and the sum of the
 * gradients, scaled, of this stage's parameters in order; the caller disposes them. Throws an Error where a parameter gets none.
 */
export function runPipeline<Batch extends MicroBatch>(
  { model, objective }: { model: Model; objective: Objective<Batch> },
  batches: readonly PipelineRows<Batch>[],
  { scale }: { scale: number },
): { lossSum: number; gradients: tf.Tensor[] } {
  const staged = stagedOf(objective);
  const axis = model.mesh.pipeline;
  const { isFirst, isLast } = placeOf(axis);
  const all = [...trainedParameters(model.parameters).values()];
  const parameters = all.map(({ tensor }) => tensor);
  const pullbacks = new Map<number, ReturnType<typeof vjp>["pullback"]>();
  const factor = tf.scalar(scale);
  let lossSum = 0;
  let total: tf.Tensor[] | null = null;

  function forward(microBatch: number): void {
    const { rows, options } = batches[microBatch]!;
    const received = isFirst ? null : receiveShaped(axis, axis.rank - 1);
    const run = (input?: tf.Tensor) => {
      const states = staged.states(model, rows, { ...options, received: input ?? null });
      return isLast ? staged.lossSum(model, rows, states) : states;
    };
    const { outputs, pullback } = vjp(run, received ? [received] : [], { parameters });
    const [output] = outputs as [tf.Tensor];
    if (isLast) lossSum += output.dataSync()[0]!;
    else sendShaped(axis, output, axis.rank + 1);
    tf.dispose([output, ...(received ? [received] : [])]);
    pullbacks.set(microBatch, pullback);
  }

  function backward(microBatch: number): void {
    const cotangent = isLast ? factor : receiveShaped(axis, axis.rank + 1);
    const found = pullbacks.get(microBatch)!([cotangent]);
    pullbacks.delete(microBatch);
    if (!isLast) cotangent.dispose();
    if (!isFirst) {
      const [gradient] = found.inputs;
      if (!gradient) throw new Error("no gradient reached what this stage received");
      sendShaped(axis, gradient, axis.rank - 1);
      gradient.dispose();
    }
    const gradients = found.parameters.map((gradient, i) => {
      if (!gradient) throw new Error(`no gradient reached ${all[i]!.name}: is it used, and used as declared?`);
      return gradient;
    });
    total = total ? addInto(total, gradients) : gradients;
  }

  const run = { forward, backward };
  const schedule = pipelineSchedule({ stage: axis.rank, stages: axis.size, count: batches.length });
  for (const { pass, microBatch } of schedule) run[pass](microBatch);
  factor.dispose();
  return { lossSum, gradients: total ?? [] };
}

/** Adds gradients. Consumes both lists. */
export function addInto(total: tf.Tensor[], gradients: tf.Tensor[]): tf.Tensor[] {
  return total.map((sum, i) => {
    const next = tf.add(sum, gradients[i]!);
    tf.dispose([sum, gradients[i]!]);
    return next;
  });
}

/** The sum of the losses of these rows, without gradients; in a pipeline, on its last stage, and 0 on others. */
export function lossSumOf<Batch extends MicroBatch>(
  { model, objective }: { model: Model; objective: Objective<Batch> },
  rows: Batch,
): number {
  const axis = model.mesh.pipeline;
  if (axis.size === 1) return scalarOf(objective.lossSum(model, rows, {}));
  const staged = stagedOf(objective);
  const { isFirst, isLast } = placeOf(axis);
  const received = isFirst ? null : receiveShaped(axis, axis.rank - 1);
  const states = staged.states(model, rows, { received });
  received?.dispose();
  if (isLast) {
    const loss = scalarOf(staged.lossSum(model, rows, states));
    states.dispose();
    return loss;
  }
  sendShaped(axis, states, axis.rank + 1);
  states.dispose();
  return 0;
}

/** The value of a scalar tensor, which is disposed. */
function scalarOf(scalar: tf.Tensor): number {
  const value = scalar.dataSync()[0]!;
  scalar.dispose();
  return value;
}
