/** Initial weights of a stack of blocks. */
import { type Initializer, normal, truncatedNormal } from "@megatron-ts/parallel";

export interface BlockInitializers {
  initializer: Initializer;
  /** For the last weight of each branch. */
  outputInitializer: Initializer;
}

/**
 * BERT draws the weights of post-LN blocks from a truncated normal; Megatron those of pre-LN blocks from a normal, scaled
 * by 1 / sqrt(2L) for the outputs of branches (Shoeybi et al. 2019, section 3).
 */
export function blockInitializers({
  normPlacement,
  initializerRange,
  numLayers,
}: {
  normPlacement: "pre" | "post";
  initializerRange: number;
  numLayers: number;
}): BlockInitializers {
  if (normPlacement === "post") {
    const initializer = truncatedNormal(initializerRange);
    return { initializer, outputInitializer: initializer };
  }
  return {
    initializer: normal(initializerRange),
    outputInitializer: normal(initializerRange / Math.sqrt(2 * numLayers)),
  };
}
