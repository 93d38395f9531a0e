/** Conformance of `gelu`: both forms against float64, far into their tails. */
import type { ConformanceSuite } from "./conformance/case.ts";
import { checkOp } from "./conformance/check-op.ts";
import { erf } from "./conformance/erf.ts";
import { type Plain, plain, random, withValues } from "./conformance/plain.ts";
import { type GeluApproximation, gelu } from "./gelu.ts";

const tanhInner = (x: number) => Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3);

export function geluOf(x: number, approximate: GeluApproximation): number {
  return 0.5 * x * (1 + (approximate === "tanh" ? Math.tanh(tanhInner(x)) : erf(x / Math.SQRT2)));
}

/** The derivative of `geluOf`. */
export function geluSlopeOf(x: number, approximate: GeluApproximation): number {
  if (approximate === "erf") {
    return 0.5 * (1 + erf(x / Math.SQRT2)) + (x * Math.exp(-0.5 * x * x)) / Math.sqrt(2 * Math.PI);
  }
  const t = Math.tanh(tanhInner(x));
  return 0.5 * (1 + t) + 0.5 * x * (1 - t * t) * Math.sqrt(2 / Math.PI) * (1 + 3 * 0.044715 * x * x);
}

const inputs: Record<string, Plain> = {
  "1 element": random("gelu", [1]),
  "[7, 33]": random("gelu", [7, 33], { scale: 2 }),
  "[257]": random("gelu", [257], { scale: 3 }),
  "[3, 5, 7, 2]": random("gelu", [3, 5, 7, 2]),
  "a scalar": random("gelu", []),
  "0 elements": plain([0, 5]),
  "131000 elements": random("gelu", [257, 509]),
  "the tails": plain([9], [-1e4, -40, -6, -4, 0, 4, 6, 40, 1e4]),
};

export const geluSuite: ConformanceSuite = {
  name: "gelu",
  cases: (["tanh", "erf"] as const).flatMap((approximate) => [
    ...Object.entries(inputs).map(([name, x]) => ({
      name: `${approximate}, ${name}`,
      check: (options: Parameters<typeof checkOp>[1]) =>
        checkOp(
          {
            inputs: { x },
            run: ({ x }) => gelu(x!, { approximate }),
            forward: ({ x }) =>
              plain(
                x!.shape,
                x!.values.map((value) => geluOf(value, approximate)),
              ),
            backward: ({ x }, dy) => ({
              x: plain(
                x!.shape,
                x!.values.map((value, i) => dy.values[i]! * geluSlopeOf(value, approximate)),
              ),
            }),
            differences: x.values.length > 1000 ? 0 : 9,
          },
          options,
        ),
    })),
    {
      name: `${approximate}, NaN and +Infinity stay where they are`,
      check: (options) =>
        checkOp(
          {
            inputs: { x: withValues(random("gelu", [33]), { 3: Number.NaN, 17: Number.POSITIVE_INFINITY }) },
            run: ({ x }) => gelu(x!, { approximate }),
            forward: ({ x }) =>
              plain(
                x!.shape,
                x!.values.map((value) => geluOf(value, approximate)),
              ),
            backward: null,
          },
          options,
        ),
    },
  ]),
};
