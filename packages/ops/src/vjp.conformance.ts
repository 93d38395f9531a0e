/** Conformance of `vjp`: the gradients of `tf.grads`, and nothing left in memory. */
import * as tf from "@tensorflow/tfjs";
import type { ConformanceSuite } from "./conformance/case.ts";
import { cotangent, expectGradients, layer, type Operands, operands, tidily } from "./conformance/layer.ts";
import {
  expectClose,
  expectError,
  expectNoLeak,
  expectSameBits,
  plain,
  random,
  toTensor,
} from "./conformance/plain.ts";
import { crossEntropy } from "./cross-entropy.ts";
import { embedding } from "./embedding.ts";
import { linear } from "./linear.ts";
import { isRecording } from "./tape.ts";
import { vjp } from "./vjp.ts";

export const vjpSuite: ConformanceSuite = {
  name: "vjp",
  cases: [
    tidily("equals tf.grads", ({ tolerance }) => {
      const inputs = operands();
      const dy = cotangent();
      const { outputs, pullback } = vjp(layer, inputs);
      const expected = plain([2, 5, 8], layer(...inputs).dataSync());
      expectClose(outputs[0]!, { expected, tolerance, what: "the output" });
      expectGradients(pullback([dy]).inputs, tf.grads(layer)(inputs, dy), tolerance);
    }),
    tidily("parameters reached by closure equal inputs", () => {
      const [x, ...parameters] = operands();
      const dy = cotangent();
      const closed = vjp((input) => layer(input, ...parameters), [x], { parameters }).pullback([dy]);
      const open = vjp(layer, [x, ...parameters]).pullback([dy]).inputs;
      [...closed.inputs, ...closed.parameters].forEach((gradient, i) => {
        expectSameBits(gradient!, open[i]!, { what: `gradient ${i}` });
      });
    }),
    tidily("tf.variableGrads finds the ops too", ({ tolerance }) => {
      const [x, weight, ...rest] = operands();
      const variable = tf.variable(weight, true, "vjp conformance");
      const loss = (w: tf.Tensor) => tf.sum(layer(x, w, ...rest)) as tf.Scalar;
      const { grads } = tf.variableGrads(() => loss(variable), [variable]);
      const { inputs } = vjp(loss, [weight]).pullback([tf.scalar(1)]);
      expectGradients(inputs, [grads["vjp conformance"]!], tolerance);
      variable.dispose();
    }),
    tidily("several outputs, some without a cotangent", ({ tolerance }) => {
      const [x, weight] = operands();
      const f = (x: tf.Tensor, weight: tf.Tensor) => [linear(x, { weight }), tf.mul(x, x), tf.exp(x)];
      const [da, db] = [cotangent(), tf.ones(x.shape)];
      const expected = tf.grads((x, weight) => {
        const [a, b] = f(x!, weight!);
        return tf.add(tf.sum(tf.mul(a!, da)), tf.sum(tf.mul(b!, db)));
      })([x, weight]);
      expectGradients(vjp(f, [x, weight]).pullback([da, db, null]).inputs, expected, tolerance);
    }),
    tidily("one of the outputs of a kernel with several", ({ tolerance }) => {
      const x = toTensor(random("x", [6, 4]));
      const f = (x: tf.Tensor) => tf.square(tf.split(x, 3, 0)[1]!);
      const dy = tf.ones([2, 4]);
      expectGradients(vjp(f, [x]).pullback([dy]).inputs, tf.grads((x) => f(x!))([x], dy), tolerance);
    }),
    tidily("one output twice adds its cotangents", ({ tolerance }) => {
      const x = toTensor(random("x", [7]));
      const f = (x: tf.Tensor) => {
        const y = tf.square(x);
        return [y, y];
      };
      const { inputs } = vjp(f, [x]).pullback([tf.ones([7]), tf.fill([7], 2)]);
      expectGradients(inputs, [tf.mul(x, 6)], tolerance);
    }),
    tidily("a tied parameter accumulates over its uses", ({ tolerance }) => {
      const table = toTensor(random("table", [7, 4]));
      const ids = tf.tensor1d([1, 6, 1], "int32");
      const labels = tf.tensor1d([6, 1, 0], "int32");
      const loss = (table: tf.Tensor) =>
        tf.sum(crossEntropy(linear(embedding(ids, { table }), { weight: table }), { labels })) as tf.Scalar;
      const { parameters } = vjp(() => loss(table), [], { parameters: [table] }).pullback([tf.scalar(1)]);
      expectGradients(parameters, [tf.grad(loss as (x: tf.Tensor) => tf.Tensor)(table)], tolerance);
    }),
    tidily("a tensor listed twice gets its gradient twice", ({ tolerance }) => {
      const x = toTensor(random("x", [7]));
      const { inputs, parameters } = vjp((a, b) => tf.mul(a!, b!), [x, x], { parameters: [x] }).pullback([
        tf.ones([7]),
      ]);
      const expected = tf.mul(x, 2);
      expectGradients([...inputs, ...parameters], [expected, expected, expected], tolerance);
    }),
    tidily("an input returned as an output", ({ tolerance }) => {
      const x = toTensor(random("x", [7]));
      const { outputs, pullback } = vjp((x) => [x!, tf.square(x!)], [x]);
      const { inputs } = pullback([tf.ones([7]), tf.ones([7])]);
      expectSameBits(outputs[0]!, x, { what: "the output" });
      expectGradients(inputs, [tf.add(tf.mul(x, 2), 1)], tolerance);
      if (x.isDisposed) throw new Error("the input is disposed");
    }),
    tidily("what is listed but unused gets null, and so does what is not a float", () => {
      const [x, weight, gamma] = operands();
      const ids = tf.tensor1d([0, 7], "int32");
      const f = (x: tf.Tensor, ids: tf.Tensor) =>
        tf.add(tf.sum(linear(x, { weight })), tf.sum(embedding(ids, { table: weight })));
      const { inputs, parameters } = vjp(f, [x, ids], { parameters: [gamma, weight] }).pullback([tf.scalar(1)]);
      const found = [...inputs, ...parameters].map((gradient) => gradient !== null);
      if (String(found) !== "true,false,false,true") throw new Error(`gradients present: ${found}`);
    }),
    tidily("a closure over a weight that is not listed changes nothing else", () => {
      const [x, ...parameters] = operands();
      const dy = cotangent();
      const all = vjp((x) => layer(x!, ...parameters), [x], { parameters }).pullback([dy]).inputs;
      const some = vjp((x) => layer(x!, ...parameters), [x]).pullback([dy]);
      expectSameBits(some.inputs[0]!, all[0]!, { what: "the gradient" });
      if (some.parameters.length !== 0) throw new Error("a gradient that was not asked for");
    }),
    tidily("no gradient flows where no cotangent does", () => {
      const [x, ...rest] = operands();
      const { inputs } = vjp((x) => [layer(x!, ...rest), tf.ones([1])], [x]).pullback([null, tf.ones([1])]);
      if (inputs[0] !== null) throw new Error("a gradient from nowhere");
    }),
    tidily("custom gradients that return what they were given", ({ tolerance }) => {
      const [a, b] = [toTensor(random("a", [7])), toTensor(random("b", [7]))];
      const passing = tf.customGrad<tf.Tensor>((...list) => {
        const [a, b, save] = list as [tf.Tensor, tf.Tensor, tf.GradSaveFunc];
        save([b]);
        return {
          value: tf.add(a, b),
          gradFunc: (dy, saved) => [dy, saved[0]!],
        };
      });
      const sharing = tf.customGrad<tf.Tensor>((...list) => {
        const [a, b] = list as [tf.Tensor, tf.Tensor];
        return {
          value: tf.add(a, b),
          gradFunc: (dy) => {
            const twice = tf.mul(dy, 2);
            return [twice, twice];
          },
        };
      });
      const f = (a: tf.Tensor, b: tf.Tensor) => sharing(tf.square(passing(a, b)), tf.square(a));
      const dy = tf.ones([7]);
      const { inputs } = vjp(f, [a, b]).pullback([dy]);
      // sharing hands 2 dy to both squares; passing hands its dy to a, and b itself to b.
      expectGradients(inputs, [tf.add(tf.mul(tf.add(a, b), 4), tf.mul(a, 4)), b], tolerance);
    }),
    tidily("forward passes first, their backward passes later in any order", () => {
      const [x, ...parameters] = operands();
      const dy = cotangent();
      const run = (scale: number) => vjp((x) => layer(tf.mul(x!, scale), ...parameters), [x], { parameters });
      const alone = [1, 2, 3].map((scale) => run(scale).pullback([dy]).parameters[0]!);
      const pending = [1, 2, 3].map(run);
      for (const i of [1, 2, 0]) {
        expectSameBits(pending[i]!.pullback([dy]).parameters[0]!, alone[i]!, { what: `the gradient of forward ${i}` });
      }
    }),
    tidily("another vjp inside of f leaves the recording of f alone", ({ tolerance }) => {
      const x = toTensor(random("x", [7]));
      const f = (x: tf.Tensor) => {
        const before = tf.square(x);
        const slope = vjp((y) => tf.mul(y!, y!), [tf.ones([7])]).pullback([tf.ones([7])]).inputs[0]!;
        if (!isRecording()) throw new Error("the recording has ended");
        return tf.mul(before, slope);
      };
      expectGradients(vjp(f, [x]).pullback([tf.ones([7])]).inputs, [tf.mul(x, 4)], tolerance);
    }),
    tidily("a pullback can be called only once", () => {
      const { pullback, dispose } = vjp((x) => tf.square(x!), [tf.ones([3])]);
      pullback([tf.ones([3])]);
      expectError(() => pullback([tf.ones([3])]), /only once/);
      expectError(() => dispose(), /only once/);
    }),
    tidily("cotangents stay the caller's", () => {
      const dy = tf.ones([3]);
      vjp((x) => x!, [tf.ones([3])]).pullback([dy]);
      vjp((x) => tf.square(x!), [tf.ones([3])]).pullback([dy]);
      expectSameBits(dy, tf.ones([3]), { what: "the cotangent" });
    }),
    tidily("records only inside of f", () => {
      const seen: boolean[] = [isRecording()];
      vjp(
        (x) => {
          seen.push(isRecording());
          return tf.square(x!);
        },
        [tf.ones([1])],
      ).dispose();
      seen.push(isRecording());
      if (String(seen) !== "false,true,false") throw new Error(`recording: ${seen}`);
    }),
    {
      name: "outside of any tidy, the gradients are all that is left",
      check: () => {
        const inputs = operands();
        const dy = cotangent();
        expectNoLeak(
          () => {
            const { outputs, pullback } = vjp(layer, inputs);
            tf.dispose(outputs);
            tf.dispose(pullback([dy]).inputs as tf.Tensor[]);
          },
          { what: "a backward" },
        );
        expectNoLeak(
          () => {
            const { outputs, dispose } = vjp(layer, inputs);
            tf.dispose(outputs);
            dispose();
          },
          { what: "a forward without backward" },
        );
        tf.dispose([dy, ...inputs]);
      },
    },
    tidily("an error in f leaves nothing behind and ends the recording", () => {
      const inputs = operands();
      expectNoLeak(
        () =>
          expectError(
            () =>
              vjp((...list) => {
                layer(...(list as Operands));
                throw new Error("on purpose");
              }, inputs),
            /on purpose/,
          ),
        { what: "the error" },
      );
      if (isRecording()) throw new Error("still recording");
    }),
  ],
};
