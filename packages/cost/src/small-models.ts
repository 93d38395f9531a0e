/** The scaling law of small decoders on English text, which sizes the model of `megatron start`. */
import type { ScalingLaw } from "./scaling-law.ts";

/**
 * In nats per token of a vocabulary of 4,096. Fitted by `bench/scaling` to thirteen decayed runs of the starter recipe with 0.1
 * to 7.4 million parameters in blocks and 0.6 to 6.1 million tokens of State of the Union addresses (2.8 million different
 * ones), and to three quickstarts of 5.3 to 15.8 million: off by 0.036 nats at most. Good for choosing a size; beyond those
 * runs it is a guess.
 */
export const smallModelLaw: ScalingLaw = {
  irreducible: 3.491,
  parameterScale: 9.289,
  parameterExponent: 0.23,
  tokenScale: 11_876,
  tokenExponent: 0.71,
};
