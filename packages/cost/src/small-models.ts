/** The scaling law of small decoders on English text, which sizes the model of `megatron start`. */
import type { ScalingLaw } from "./scaling-law.ts";

/**
 * In nats per token of a vocabulary of 4,096. Fitted by `bench/scaling` to thirteen decayed runs of the starter recipe with 0.1
 * to 7.4 million parameters in blocks and 0.6 to 6.1 million tokens of State of the Union addresses (2.8 million different
 * ones), and to two quickstarts of 9.7 and 15.8 million: off by 0.042 nats at most, 0.017 in the mean. Good for choosing a
 * size; beyond those runs it is a guess.
 */
export const smallModelLaw: ScalingLaw = {
  irreducible: 3.611,
  parameterScale: 11.02,
  parameterExponent: 0.25,
  tokenScale: 53461,
  tokenExponent: 0.83,
};
