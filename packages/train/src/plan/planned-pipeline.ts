/**
 * The pipeline axis of one rank whose peers do not exist. One micro-batch is sent through all stages first, forward and backward, and what
 * each passes on is recorded: tensors of these shapes are what the rank then receives, in the order of the schedule.
 */
import { createModel, type ForwardOptions, type Model, type ModelConfig } from "@megatron-ts/model";
import { vjp } from "@megatron-ts/ops";
import {
  type Communicator,
  receiveAllShaped,
  sendAllShaped,
  singleRank,
  trainedParameters,
  type Wire,
} from "@megatron-ts/parallel";
import * as tf from "@tensorflow/tfjs";
import type { ParallelConfig } from "../configuration/train-configuration.ts";
import type { MicroBatch, Objective } from "../objectives/objective.ts";
import { stagesOf } from "../run/stages.ts";
import { ownTokens } from "../step/accumulate.ts";
import { stagedOf } from "../step/pipeline.ts";
import { actionsFed, type PipelineSteps } from "../step/pipeline-schedule.ts";
import { plannedAxis, plannedMesh, received } from "./planned-mesh.ts";

/** A tensor on its way from one stage to another. Integers say how others are to be read, so their values count. */
interface Message {
  shape: readonly number[];
  dtype: string;
  wire: Wire;
  integers: Int32Array | null;
}

/** What the stages of a pipeline pass on for a micro-batch, and which weights they train. */
export interface StageMessages {
  /** By the stage that sends it to the next. */
  forward: readonly (readonly Message[])[];
  /** By the stage that sends it to the one before. */
  backward: readonly (readonly Message[])[];
  /** Names of weights by rank. */
  trained: readonly (readonly string[])[];
}

/** Sends the first micro-batch through all stages. To be run where nothing is computed. */
export function recordStages(
  config: ModelConfig,
  {
    objective,
    rows,
    parallel,
    recompute,
  }: {
    objective: Objective<MicroBatch>;
    rows: MicroBatch;
    parallel: ParallelConfig;
    recompute: ForwardOptions["recompute"];
  },
): StageMessages {
  const { pipeline: size, virtualStages } = parallel;
  const models = Array.from({ length: size }, (_, rank): Model => {
    const mesh = plannedMesh(parallel, plannedAxis({ size, rank }));
    const source = ({ shape }: { shape: readonly number[] }) => tf.keep(tf.fill([...shape], 0));
    return createModel(config, { mesh, weights: { source }, stages: stagesOf(config, parallel) });
  });
  const staged = stagedOf(objective);
  const forward: Message[][] = [];
  const backward: Message[][] = [];
  const count = size * virtualStages;
  const pullbacks: ReturnType<typeof vjp>["pullback"][] = [];
  for (let stage = 0; stage < count; stage++) {
    const model = models[stage % size]!;
    const own = ownTokens(objective, rows, model.mesh.context);
    const run = (...inputs: tf.Tensor[]) => {
      const options = { recompute, chunk: Math.floor(stage / size), received: stage > 0 ? inputs : null };
      const states = staged.states(model, own, options);
      return stage < count - 1 ? states : staged.lossSum(model, own, states[0]!);
    };
    const parameters = [...trainedParameters(model.parameters).values()].map(({ tensor }) => tensor);
    const { outputs, pullback } = vjp(run, stage > 0 ? arrived(forward[stage - 1]!) : [], { parameters });
    pullbacks.push(pullback);
    if (stage < count - 1) forward.push(sent(outputs));
  }
  for (let stage = count - 1; stage >= 0; stage--) {
    const cotangents = stage === count - 1 ? [tf.scalar(1)] : arrived(backward[stage + 1]!);
    const { inputs } = pullbacks[stage]!(cotangents);
    backward[stage] = stage > 0 ? sent(inputs.map((gradient) => gradient!)) : [];
  }
  return { forward, backward, trained: models.map((model) => [...trainedParameters(model.parameters).keys()]) };
}

const messageOf = (tensor: tf.Tensor, wire: Wire = "f32"): Message => ({
  ...{ shape: tensor.shape, dtype: tensor.dtype, wire },
  integers: tensor.dtype === "int32" ? (tensor.dataSync() as Int32Array).slice() : null,
});

const arrivedOne = ({ shape, dtype, wire, integers }: Message): tf.Tensor =>
  integers ? tf.tensor(integers, [...shape], "int32") : received({ dtype }, { shape, wire });

/** The messages of tensors that are sent together. */
function sent(tensors: readonly tf.Tensor[]): Message[] {
  const messages: Message[] = [];
  const axis: Communicator = {
    ...singleRank,
    send: (tensor, _to, { wire } = {}) => void messages.push(messageOf(tensor, wire)),
  };
  sendAllShaped(axis, tensors, 0);
  return messages;
}

/** The inverse of `sent`. */
function arrived(messages: readonly Message[]): tf.Tensor[] {
  const left = [...messages];
  return receiveAllShaped({ ...singleRank, receive: () => arrivedOne(left.shift()!) }, 0);
}

/** A rank of the pipeline for one step. */
export function plannedPipeline(
  { rank, ...steps }: PipelineSteps & { rank: number },
  { forward, backward, trained }: StageMessages,
): Communicator {
  const { size } = steps;
  const inboxes = Array.from({ length: size }, (_, from) =>
    actionsFed(steps, { from, to: rank }).flatMap(({ pass, chunk }) => {
      const stage = chunk * size + rank;
      return pass === "forward" ? forward[stage - 1]! : backward[stage + 1]!;
    }),
  );
  /** The last tensor that was sent to each rank, with its header. */
  const latest = Array.from({ length: size }, (): Message[] => []);
  return {
    ...plannedAxis({ size, rank }),
    send(tensor, to, { wire } = {}) {
      latest[to] = [...latest[to]!.slice(-1), messageOf(tensor, wire)];
      // Messages are read, for which a backend may widen them.
      tensor.dataSync();
    },
    receive(_shape, from) {
      const inbox = inboxes[from]!;
      // After the schedule come gradients of weights that two stages have: each sends the other its own.
      if (inbox.length === 0) inbox.push(...latest[from]!);
      return arrivedOne(inbox.shift()!);
    },
    gatherText: () => trained.map((names) => JSON.stringify(names)),
  };
}
