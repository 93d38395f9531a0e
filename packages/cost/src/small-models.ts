/** The scaling law of small decoders on English text, which sizes the model of `megatron start`. */
import type { ScalingLaw } from "./scaling-law.ts";

/**
 * In nats per token of a vocabulary of 4,096. Fitted by `bench/scaling` to eleven decayed runs of the starter recipe with 0.1
 * to 7.4 million parameters in blocks and 0.2 to 1.8 million tokens of State of the Union addresses: off by 0.06 nats at
 * most. Good for choosing a size; beyond those runs it is a guess.
 */
export const smallModelLaw: ScalingLaw = {
  irreducible: 3.37,
  parameterScale: 80.9,
  parameterExponent: 0.49,
  tokenScale: 43.3,
  tokenExponent: 0.25,
};
