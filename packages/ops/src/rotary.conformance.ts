/** Conformance of `rotary`. */
import * as tf from "@tensorflow/tfjs";
import type { ConformanceCase, ConformanceSuite } from "./conformance/case.ts";
import { checkOp } from "./conformance/check-op.ts";
import { expectError, type Plain, plain, random, toTensor } from "./conformance/plain.ts";
import { rotary } from "./rotary.ts";

/** Each head of x [B, T, H, D] turned by angles [B, T, half]. */
function turn(x: Plain, angles: Plain, sign: 1 | -1): Plain {
  const [, , heads, size] = x.shape as [number, number, number, number];
  const half = angles.shape.at(-1)!;
  const values = x.values.map((value, i) => {
    const at = i % size;
    if (at >= 2 * half) return value;
    const token = Math.floor(i / size / heads);
    const angle = sign * angles.values[token * half + (at % half)]!;
    const other = at < half ? -x.values[i + half]! : x.values[i - half]!;
    return value * Math.cos(angle) + other * Math.sin(angle);
  });
  return plain(x.shape, values);
}

const table = (angles: Plain, f: (angle: number) => number) => toTensor(plain(angles.shape, angles.values.map(f)));

const holds = (shape: [number, number, number, number], half: number, differences = 6): ConformanceCase => {
  const [x, angles] = [random("x", shape), random("angles", [shape[0], shape[1], half], { scale: 4 })];
  return {
    name: `[${shape}], ${half} pairs`,
    check: (options) =>
      checkOp(
        {
          inputs: { x },
          run: ({ x }) => rotary(x!, { cosines: table(angles, Math.cos), sines: table(angles, Math.sin) }),
          forward: ({ x }) => turn(x!, angles, 1),
          backward: (_, dy) => ({ x: turn(dy, angles, -1) }),
          differences,
        },
        options,
      ),
  };
};

export const rotarySuite: ConformanceSuite = {
  name: "rotary",
  cases: [
    holds([1, 1, 1, 2], 1),
    holds([2, 3, 5, 7], 2),
    holds([2, 33, 2, 8], 4),
    holds([3, 17, 4, 64], 32, 2),
    holds([1, 300, 3, 96], 24, 0),
    holds([0, 3, 2, 4], 2, 0),
    {
      name: "angles of other tokens, or of more coordinates than there are, are errors",
      check: () => {
        const x = tf.zeros([2, 3, 1, 4]);
        const of = (...shape: number[]) => ({ cosines: tf.zeros(shape), sines: tf.zeros(shape) });
        expectError(() => rotary(x, of(1, 3, 2)), /1,3,2.*2,3,1,4/);
        expectError(() => rotary(x, of(2, 3, 3)), /rotary/);
      },
    },
  ],
};
