/** Conformance of `layerNorm`. */
import type { ConformanceSuite } from "./conformance/case.ts";
import { normCases } from "./conformance/norm.ts";
import { layerNorm } from "./layer-norm.ts";

export const layerNormSuite: ConformanceSuite = {
  name: "layerNorm",
  cases: normCases({ run: (x, weights) => layerNorm(x, weights), centred: true }),
};
