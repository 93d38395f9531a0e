/** Conformance of `rmsNorm`. */
import type { ConformanceSuite } from "./conformance/case.ts";
import { normCases } from "./conformance/norm.ts";
import { rmsNorm } from "./rms-norm.ts";

export const rmsNormSuite: ConformanceSuite = {
  name: "rmsNorm",
  cases: normCases({ run: (x, { gamma, epsilon }) => rmsNorm(x, { gamma, epsilon }), centred: false }),
};
