/**
 * The micro-batches of a step through this rank's stages of a pipeline, in the order of `pipelineSchedule`. What a stage gives to the next
 * is a list of tensors, and so is the gradient that it gets back. A teacher's stages run before those of the model, and give theirs.
 */
import type { ForwardOptions, Model } from "@megatron-ts/model";
import { vjp } from "@megatron-ts/ops";
import { type Communicator, receiveAllShaped, sendAllShaped, trainedParameters } from "@megatron-ts/parallel";
import * as tf from "@tensorflow/tfjs";
import type { MicroBatch, Objective, StagedObjective } from "../objectives/objective.ts";
import {
  actionsFed,
  neighbourOf,
  type PipelineAction,
  type PipelineSteps,
  pipelineSchedule,
} from "./pipeline-schedule.ts";
import { type TeacherModel, taught } from "./taught.ts";

/** Rows of a micro-batch and the options of their forward. */
interface PipelineRows<Batch> {
  rows: Batch;
  options: ForwardOptions;
}

/** Throws an Error for an objective that cannot be computed in stages; recipes are checked before. */
export function stagedOf<Batch extends MicroBatch>({ name, inStages }: Objective<Batch>): StagedObjective<Batch> {
  if (!inStages) throw new Error(`the ${name} objective cannot be computed in stages`);
  return inStages;
}

const keyOf = ({ pass, chunk, microBatch }: PipelineAction) => `${pass} ${chunk} ${microBatch}`;

/** What a stage gives to the next: its states, and those of a teacher. */
interface Given {
  states: tf.Tensor[];
  taught: tf.Tensor[];
}

/** Messages of one rank arrive in the order of its own schedule: those that come too early are kept. */
function openInbox(axis: Communicator, { isTaught, ...steps }: PipelineSteps & { isTaught: boolean }) {
  const early = new Map<string, Given>();
  const orders = new Map<number, Iterator<PipelineAction>>();
  const next = (from: number, { pass }: PipelineAction): Given => ({
    states: receiveAllShaped(axis, from),
    taught: isTaught && pass === "forward" ? receiveAllShaped(axis, from) : [],
  });
  return function receive(from: number, action: PipelineAction): Given {
    const wanted = keyOf(action);
    const order = orders.get(from) ?? actionsFed(steps, { from, to: axis.rank })[Symbol.iterator]();
    orders.set(from, order);
    for (;;) {
      const found = early.get(wanted);
      if (found) {
        early.delete(wanted);
        return found;
      }
      const sent = order.next();
      if (sent.done) throw new Error(`rank ${from} of the pipeline sends nothing for ${wanted}`);
      early.set(keyOf(sent.value), next(from, sent.value));
    }
  };
}

/** Options of `runPipeline`: the factor of gradients, who sees those of each backward, and whose logits the losses follow. */
interface PipelineOptions {
  scale: number;
  onBackward?: (gradients: readonly (tf.Tensor | null)[]) => void;
  teacher?: TeacherModel | null;
}

/**
 * Runs micro-batches through this rank's stages. Returns the sum of their losses, on the rank of the last stage (0 on others), and the sum
 * of the gradients, scaled, of this rank's parameters in order; the caller disposes them. `onBackward` sees what each backward adds. Throws an Error where a parameter gets none.
 */
export function runPipeline<Batch extends MicroBatch>(
  { model, objective }: { model: Model; objective: Objective<Batch> },
  batches: readonly PipelineRows<Batch>[],
  { scale, onBackward, teacher = null }: PipelineOptions,
): { lossSum: number; gradients: tf.Tensor[] } {
  const staged = stagedOf(objective);
  const { pipeline: axis, virtualStages = 1 } = model.mesh;
  const steps: PipelineSteps = { size: axis.size, chunks: virtualStages, count: batches.length };
  const receive = openInbox(axis, { ...steps, isTaught: teacher !== null });
  const all = [...trainedParameters(model.parameters).values()];
  const parameters = all.map(({ tensor }) => tensor);
  const pullbacks = new Map<string, ReturnType<typeof vjp>["pullback"]>();
  const pullbackKey = ({ chunk, microBatch }: PipelineAction) => `${chunk} ${microBatch}`;
  const factor = tf.scalar(scale);
  let lossSum = 0;
  let total: (tf.Tensor | null)[] = all.map(() => null);
  const neighbour = (action: PipelineAction, direction: "from" | "to") =>
    neighbourOf(action, { ...steps, rank: axis.rank, direction });

  function forward(action: PipelineAction): void {
    const { rows, options } = batches[action.microBatch]!;
    const before = neighbour(action, "from");
    const next = neighbour(action, "to");
    const { states: received, taught: lesson } = before ? receive(before.rank, action) : { states: [], taught: [] };
    const run = (...inputs: tf.Tensor[]) => {
      const states = staged.states(model, rows, {
        ...options,
        chunk: action.chunk,
        received: before ? inputs : null,
      });
      return next ? states : staged.lossSum(model, rows, states[0]!);
    };
    const taughtStates = teacher
      ? staged.states(teacher.model, rows, { chunk: action.chunk, received: before ? lesson : null })
      : [];
    const learn = () => vjp(run, received, { parameters });
    const { outputs, pullback } =
      teacher && !next ? taught(teacher, () => staged.lossSum(teacher.model, rows, taughtStates[0]!), learn) : learn();
    if (next) {
      sendAllShaped(axis, outputs, next.rank);
      if (teacher) sendAllShaped(axis, taughtStates, next.rank);
    } else lossSum += outputs[0]!.dataSync()[0]!;
    tf.dispose([...outputs, ...received, ...lesson, ...taughtStates]);
    pullbacks.set(pullbackKey(action), pullback);
  }

  function backward(action: PipelineAction): void {
    const after = neighbour(action, "from");
    const before = neighbour(action, "to");
    const cotangents = after ? receive(after.rank, action).states : [factor];
    const found = pullbacks.get(pullbackKey(action))!(cotangents);
    pullbacks.delete(pullbackKey(action));
    if (after) tf.dispose(cotangents);
    if (before) {
      const gradients = found.inputs.map((gradient) => {
        if (!gradient) throw new Error("no gradient reached what this stage received");
        return gradient;
      });
      sendAllShaped(axis, gradients, before.rank);
      tf.dispose(gradients);
    }
    onBackward?.(found.parameters);
    total = total.map((sum, i) => {
      const gradient = found.parameters[i]!;
      return sum && gradient ? addInto([sum], [gradient])[0]! : (sum ?? gradient);
    });
  }

  const run = { forward, backward };
  for (const action of pipelineSchedule({ ...steps, rank: axis.rank })) run[action.pass](action);
  factor.dispose();
  const gradients = total.map((gradient, i) => {
    if (!gradient) throw new Error(`no gradient reached ${all[i]!.name}: is it used, and used as declared?`);
    return gradient;
  });
  return { lossSum, gradients };
}

/** Adds gradients. Consumes both lists. */
export function addInto(total: tf.Tensor[], gradients: tf.Tensor[]): tf.Tensor[] {
  return total.map((sum, i) => {
    const next = tf.add(sum, gradients[i]!);
    tf.dispose([sum, gradients[i]!]);
    return next;
  });
}

/** The sum of the losses of these rows, without gradients; in a pipeline, on the rank of its last stage, and 0 on others. */
export function lossSumOf<Batch extends MicroBatch>(
  { model, objective }: { model: Model; objective: Objective<Batch> },
  rows: Batch,
): number {
  const { pipeline: axis, virtualStages: chunks = 1 } = model.mesh;
  if (axis.size === 1) return scalarOf(objective.lossSum(model, rows, {}));
  const staged = stagedOf(objective);
  for (let chunk = 0; chunk < chunks; chunk++) {
    const place = { size: axis.size, chunks, rank: axis.rank };
    const action: PipelineAction = { pass: "forward", chunk, microBatch: 0 };
    const before = neighbourOf(action, { ...place, direction: "from" });
    const next = neighbourOf(action, { ...place, direction: "to" });
    const received = before && receiveAllShaped(axis, before.rank);
    const states = staged.states(model, rows, { chunk, received });
    tf.dispose(received ?? []);
    const loss = next ? null : scalarOf(staged.lossSum(model, rows, states[0]!));
    if (next) sendAllShaped(axis, states, next.rank);
    tf.dispose(states);
    if (loss !== null) return loss;
  }
  return 0;
}

/** The value of a scalar tensor, which is disposed. */
function scalarOf(scalar: tf.Tensor): number {
  const value = scalar.dataSync()[0]!;
  scalar.dispose();
  return value;
}
