/** The scaling law of small decoders on English text, which sizes the model of `megatron start`. */
import type { ScalingLaw } from "./scaling-law.ts";

/**
 * In nats per token of a vocabulary of 4,096. Fitted by `pnpm bench scaling` to decayed runs of the starter recipe with 0.1
 * to 5 million parameters in blocks and 0.2 to 1.8 million tokens of State of the Union addresses.
 */
export const smallModelLaw: ScalingLaw = {
  irreducible: 1.5,
  parameterScale: 10,
  parameterExponent: 0.2,
  tokenScale: 100,
  tokenExponent: 0.3,
};
