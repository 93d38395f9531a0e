/** Weights that several stages of a pipeline have, such as a tied embedding: each has a part of the gradient, and all update alike. */
import { type Communicator, type Parameter, type Parameters, receiveShaped, sendShaped } from "@megatron-ts/parallel";
import * as tf from "@tensorflow/tfjs";
import type { Gradients } from "./gradients.ts";

/** The weights that this rank's stage shares with others. */
export interface TiedWeights {
  /** Adds the gradients of all stages that have a weight. Consumes its input. Every rank of the axis calls it. */
  sum(gradients: Gradients): Gradients;
  /** Whether a weight counts here: on the first of the stages that have it. */
  isCounted(parameter: Pick<Parameter, "name">): boolean;
}

/** Compares what the stages have. Every rank of the axis calls it. */
export function findTiedWeights(parameters: Parameters, axis: Communicator): TiedWeights {
  const names = [...parameters.keys()];
  const ofStages = axis.gatherText(JSON.stringify(names)).map((text) => new Set(JSON.parse(text) as string[]));
  const stagesOf = (name: string) => [...ofStages.keys()].filter((stage) => ofStages[stage]!.has(name));
  const tied = names
    .map((name, index) => ({ index, stages: stagesOf(name) }))
    .filter(({ stages }) => stages.length > 1);
  return {
    sum({ tensors, scale }) {
      const summed = [...tensors];
      for (const { index, stages } of tied) {
        const own = tensors[index]!;
        for (const stage of stages) if (stage !== axis.rank) sendShaped(axis, own, stage);
        summed[index] = tf.tidy(() =>
          stages
            .map((stage) => (stage === axis.rank ? own : receiveShaped(axis, stage)))
            .reduce((sum, part) => tf.add(sum, part)),
        );
        own.dispose();
      }
      return { tensors: summed, scale };
    },
    isCounted: ({ name }) => stagesOf(name)[0] === axis.rank,
  };
}
