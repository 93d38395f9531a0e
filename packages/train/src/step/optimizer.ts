/** What every optimizer is to the training step, and how it groups weights by their rates. */
import type { Parameter, ParameterKind, Parameters } from "@megatron-ts/parallel";
import * as tf from "@tensorflow/tfjs";
import type { Gradients } from "./gradients.ts";

/** An optimizer with its state. */
export interface Optimizer {
  /** Number of updates done. */
  readonly step: number;
  /** The tensors of its state: `<role>.<parameter>`, each shaped like its parameter. */
  readonly state: ReadonlyMap<string, tf.Tensor>;
  /** Updates the parameters in place; consumes the gradients. `learningRate` is the schedule's for this step. */
  update(gradients: Gradients, learningRate: number): void;
  dispose(): void;
}

/** Reads a saved tensor by name, and takes the part of it that this rank holds of a parameter. */
export type LoadState = (name: string, parameter: Parameter) => tf.Tensor;

/** Where an optimizer starts. */
export interface OptimizerStart {
  /** Updates done before. Default: 0. */
  step?: number;
  /** Reads the state of a saved run. Default: zeros. */
  load?: LoadState;
  /** Factors of the rates, by a parameter's name. Default: 1. */
  rateFactor?: (name: string) => number;
}

/** Peak rates of groups of weights; a group without one has that of the optimizer. */
export interface GroupRates {
  embeddings?: number;
  head?: number;
  /** Norms, biases and other vectors. */
  scalars?: number;
}

/** Creates the state of an optimizer: for each parameter one tensor per role. */
export function createState(
  parameters: Parameters,
  { roles, load }: { roles: readonly string[]; load?: OptimizerStart["load"] },
): Map<string, tf.Tensor> {
  const create = load ?? ((_name, { shape }) => tf.keep(tf.fill([...shape], 0)));
  return new Map(
    [...parameters.values()].flatMap((parameter) =>
      roles.map((role) => [`${role}.${parameter.name}`, create(`${role}.${parameter.name}`, parameter)] as const),
    ),
  );
}

const groups: Readonly<Record<ParameterKind, keyof GroupRates | null>> = {
  matrix: null,
  embedding: "embeddings",
  head: "head",
  scalar: "scalars",
};

/** Parameters that share a rate, each with its place in the list of gradients. */
export interface RateGroup {
  /** The rate where the schedule is at `learningRate`. */
  rateAt(learningRate: number): number;
  readonly members: readonly { readonly parameter: Parameter; readonly index: number }[];
}

/** Groups parameters by their rates. `peak` is the rate that those without one of their own have. */
export function groupByRate(
  parameters: Parameters,
  { peak, rates, rateFactor = () => 1 }: { peak: number; rates: GroupRates } & Pick<OptimizerStart, "rateFactor">,
): RateGroup[] {
  const byRate = new Map<number, { parameter: Parameter; index: number }[]>();
  [...parameters.values()].forEach((parameter, index) => {
    const group = groups[parameter.kind];
    const rate = ((group && rates[group]) ?? peak) * rateFactor(parameter.name);
    const members = byRate.get(rate);
    if (members) members.push({ parameter, index });
    else byRate.set(rate, [{ parameter, index }]);
  });
  return [...byRate].map(([rate, members]) => ({
    // Exactly the schedule's rate where it is the optimizer's own.
    rateAt: (learningRate) => (rate === peak ? learningRate : rate * (learningRate / peak)),
    members,
  }));
}
