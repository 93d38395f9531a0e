/**
 * Initializes both stacks of an encoder-decoder from an encoder (Rothe et al. 2020), so that encoders can translate and
 * summarize. Each family of encoders describes, as data, the encoder-decoder of one of its models and where its weights
 * come from; weights without a counterpart, such as cross-attention, are drawn at random.
 */
import type { ParameterSource } from "@megatron-ts/parallel";
import * as tf from "@tensorflow/tfjs";
import type { BaseConfig } from "./configuration-fields.ts";

/** A weight of the encoder: all of it, or the rows from `first` on of a weight with `of` rows. */
export interface EncoderWeight {
  name: string;
  rows?: { first: number; of: number };
}

/** An encoder-decoder initialized from an encoder. */
export interface EncoderInit {
  /** Its configuration, without defaults. */
  config: { family: string; maxPositions: number };
  /** Names of its weights -> the encoder's weights they are copied from. */
  weights: ReadonlyMap<string, EncoderWeight>;
  /** Fields that leave out parts of the encoder, unless a recipe asks for them. */
  leaveOut: Readonly<Record<string, unknown>>;
}

/** A parameter source for such a model: the encoder's weights if it has them, otherwise `fresh`. */
export function encoderInitSource(
  weights: EncoderInit["weights"],
  { encoder, fresh }: { encoder: ParameterSource; fresh: ParameterSource },
): ParameterSource {
  return (declaration) => {
    const from = weights.get(declaration.name);
    if (!from) return fresh(declaration);
    const { name, rows } = from;
    if (!rows) return encoder({ ...declaration, name });
    const [count, ...rest] = declaration.shape;
    const shape = [rows.of, ...rest];
    const whole = encoder({ ...declaration, name, shape, globalShape: shape, origin: shape.map(() => 0) });
    if (!whole) return null;
    const part = tf.keep(tf.slice(whole, [rows.first, 0], [count!, -1]));
    whole.dispose();
    return part;
  };
}

type Entry = [name: string, weight: EncoderWeight];

const kinds = ["weight", "bias"];

/** The weight and the bias of each layer. */
export const weightAndBias = (names: readonly string[]): string[] =>
  names.flatMap((name) => kinds.map((kind) => `${name}.${kind}`));

/** Weights that have the same name in both models. */
export const sameNames = (names: readonly string[]): Entry[] => names.map((name) => [name, { name }]);

/** Weights of the encoder's blocks, in the blocks of both stacks. */
export function inBothStacks(numLayers: number, names: readonly string[]): Entry[] {
  return ["encoder", "decoder"].flatMap((stack) =>
    Array.from({ length: numLayers }, (_, index) => `layers.${index}`).flatMap((layer) =>
      names.map((name): Entry => [`${stack}.${layer}.${name}`, { name: `${layer}.${name}` }]),
    ),
  );
}

/** The weights of a block outside of attention. */
export const blockNamesBesideAttention = weightAndBias([
  "attentionNorm",
  "feedForwardNorm",
  "feedForward.input",
  "feedForward.output",
]);

/** The fields that an encoder and its encoder-decoder share. */
interface SharedFields extends Omit<BaseConfig, "family" | "maxPositions" | "task"> {
  initializerRange: number;
  activation: string;
  normEpsilon: number;
}

/** These fields of an encoder's configuration, for an encoder-decoder of the same sizes. */
export function sharedEncoderFields<Config extends SharedFields>(config: Config): Pick<Config, keyof SharedFields> {
  const { numLayers, hiddenSize, numHeads, feedForwardSize, vocabularySize, dropout, attentionDropout } = config;
  const { initializerRange, activation, normEpsilon } = config;
  return {
    numLayers,
    hiddenSize,
    numHeads,
    ...(feedForwardSize && { feedForwardSize }),
    vocabularySize,
    dropout,
    attentionDropout,
    initializerRange,
    activation,
    normEpsilon,
  };
}
