/** Every native kernel by name. */
import type { Kernels } from "../kernel.ts";
import type { NativeAddon } from "../native-addon.ts";
import { attentionKernels } from "./attention.ts";
import { crossEntropyKernels } from "./cross-entropy.ts";
import { dropoutKernels } from "./dropout.ts";
import { elementwiseKernels } from "./elementwise.ts";
import { embeddingKernels } from "./embedding.ts";
import { inPlaceKernels } from "./in-place.ts";
import { indexingKernels } from "./indexing.ts";
import { layoutKernels } from "./layout.ts";
import { linearKernels } from "./linear.ts";
import { normalisationKernels } from "./normalisation.ts";
import { optimizerKernels } from "./optimizers.ts";
import { productKernels } from "./products.ts";
import { reductionKernels } from "./reductions.ts";
import { rotaryKernels } from "./rotary.ts";

/** The kernels that this addon has. */
export function allKernels(addon: NativeAddon): Kernels {
  return {
    ...elementwiseKernels(addon),
    ...reductionKernels(addon),
    ...layoutKernels,
    ...indexingKernels,
    ...productKernels,
    ...linearKernels(addon),
    ...normalisationKernels,
    ...rotaryKernels,
    ...embeddingKernels,
    ...dropoutKernels,
    ...crossEntropyKernels,
    ...attentionKernels,
    ...inPlaceKernels,
    ...optimizerKernels,
  };
}
