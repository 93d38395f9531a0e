/** Conformance of `squaredRelu`. */
import type { ConformanceSuite } from "./conformance/case.ts";
import { checkOp } from "./conformance/check-op.ts";
import { type Plain, plain, random } from "./conformance/plain.ts";
import { squaredRelu } from "./squared-relu.ts";

const inputs: Record<string, Plain> = {
  "[7, 33]": random("squared relu", [7, 33], { scale: 2 }),
  "a scalar": random("squared relu", []),
  "0 elements": plain([0, 5]),
  "131000 elements": random("squared relu", [257, 509]),
  "both sides of 0": plain([8], [-1e4, -1, -1e-6, 0, 1e-6, 1, 40, 1e4]),
};

export const squaredReluSuite: ConformanceSuite = {
  name: "squaredRelu",
  cases: Object.entries(inputs).map(([name, x]) => ({
    name,
    check: (options: Parameters<typeof checkOp>[1]) =>
      checkOp(
        {
          inputs: { x },
          run: ({ x }) => squaredRelu(x!),
          forward: ({ x }) =>
            plain(
              x!.shape,
              x!.values.map((value) => Math.max(value, 0) ** 2),
            ),
          backward: ({ x }, dy) => ({
            x: plain(
              x!.shape,
              x!.values.map((value, i) => dy.values[i]! * 2 * Math.max(value, 0)),
            ),
          }),
          differences: x.values.length > 1000 ? 0 : 9,
        },
        options,
      ),
  })),
};
