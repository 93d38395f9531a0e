/** The training samples of objectives that read text as one stream of tokens. */
import { blend, createPackedSamples } from "@megatron-ts/data";
import type { TrainingContext } from "./definition.ts";

/** Packed samples of every dataset, blended by weight. */
export const packedTrainingSamples = ({ training, data: { sequenceLength }, seed }: TrainingContext) =>
  blend(
    training.map(({ dataset, documents, weight }) => ({
      weight,
      source: createPackedSamples({ dataset, documents, sequenceLength, seed }),
    })),
  );
