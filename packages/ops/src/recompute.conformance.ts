/** Conformance of `recompute`: the same bits as without it, and only its inputs kept. */
import * as tf from "@tensorflow/tfjs";
import { attention } from "./attention.ts";
import type { ConformanceSuite } from "./conformance/case.ts";
import { cotangent, expectGradients, layer, type Operands, operands, tidily } from "./conformance/layer.ts";
import { expectError, expectNoLeak, expectSameBits, random, toTensor } from "./conformance/plain.ts";
import { linear } from "./linear.ts";
import { droppable, dropping, recompute } from "./recompute.ts";
import { isRecording } from "./tape.ts";
import { vjp } from "./vjp.ts";

type Droppable = (...inputs: tf.Tensor[]) => tf.Tensor;

/** Holds f with recomputation to f without, bit for bit: outputs and gradients. */
function expectSameAsPlain(
  f: (recomputed: typeof recompute, x: tf.Tensor, parameters: tf.Tensor[][]) => tf.Tensor | tf.Tensor[],
): void {
  const x = toTensor(random("x", [2, 5, 8]));
  const parameters = [0, 1, 2].map(layerParameters);
  const plainly: typeof recompute = (g, inputs) => [g(...inputs)].flat();
  const run = (how: typeof recompute) => {
    const { outputs, pullback } = vjp((x) => f(how, x!, parameters), [x], { parameters: parameters.flat() });
    const gradients = pullback(outputs.map((output) => toTensor(random("cotangent", output.shape))));
    return [...outputs, ...gradients.inputs, ...gradients.parameters];
  };
  const expected = run(plainly);
  run(recompute).forEach((actual, i) => {
    const reference = expected[i];
    if (!actual !== !reference) throw new Error(`result ${i} is ${actual ? "present" : "missing"}`);
    if (actual && reference) expectSameBits(actual, reference, { what: `result ${i}` });
  });
}

/** One layer's weight, gamma and beta. */
const layerParameters = (i: number) => [
  toTensor(random(`weight ${i}`, [8, 8], { scale: 0.3 })),
  toTensor(random(`gamma ${i}`, [8], { scale: 0.3, shift: 1 })),
  toTensor(random(`beta ${i}`, [8])),
];

const asLayer = (x: tf.Tensor, parameters: tf.Tensor[]) =>
  layer(x, ...(parameters as [tf.Tensor, tf.Tensor, tf.Tensor]));

/** A layer under `how`. */
const layerBy = (how: typeof recompute, x: tf.Tensor, parameters: tf.Tensor[]) =>
  how((x) => asLayer(x!, parameters), [x], { parameters })[0]!;

export const recomputeSuite: ConformanceSuite = {
  name: "recompute",
  cases: [
    tidily("equals plain bit for bit, dropout included", () => {
      expectSameAsPlain((how, x, [first]) => layerBy(how, x, first!));
    }),
    tidily("layer after layer", () => {
      expectSameAsPlain((how, x, layers) => layers.reduce((hidden, layer) => layerBy(how, hidden, layer), x));
    }),
    tidily("inside of a recomputed function", () => {
      expectSameAsPlain((how, x, [first, second]) =>
        how((x) => layerBy(how, layerBy(how, x!, first!), second!), [x], { parameters: [...first!, ...second!] }),
      );
    }),
    tidily("several outputs, an input among them", () => {
      expectSameAsPlain((how, x, [first]) => {
        const [a, b] = how((x) => [x!, asLayer(x!, first!)], [x], { parameters: first! });
        return tf.mul(tf.mul(a!, 3), b!);
      });
    }),
    tidily("a parameter used inside and outside", () => {
      expectSameAsPlain((how, x, [first, second]) => {
        const weight = second![0]!;
        const [y] = how((x) => linear(x!, { weight }), [x], { parameters: [weight] });
        return linear(asLayer(y!, first!), { weight });
      });
    }),
    tidily("an input that several use, more than once each", () => {
      expectSameAsPlain((how, x, [first, second, third]) => {
        const memory = linear(x, { weight: third![0]! });
        const attend = (y: tf.Tensor, parameters: tf.Tensor[]) => {
          const f = (y: tf.Tensor, a: tf.Tensor) => tf.add(asLayer(y, parameters), tf.mul(tf.square(a), tf.tanh(a)));
          return how((...list) => f(...(list as [tf.Tensor, tf.Tensor])), [y, memory], { parameters })[0]!;
        };
        return attend(attend(x, first!), second!);
      });
    }),
    tidily("a parameter that is listed but unused gets null", () => {
      expectSameAsPlain((how, x, [first, second]) =>
        how((x) => asLayer(x!, first!), [x], { parameters: [...first!, ...second!] }),
      );
    }),
    tidily("inputs that are not floats", () => {
      const ranges = tf.tile(tf.tensor3d([[[0, 3]]], [1, 1, 2], "int32"), [2, 5, 1]);
      expectSameAsPlain((how, x) => {
        const attend = (x: tf.Tensor, ranges: tf.Tensor) => {
          const q = tf.reshape(x, [2, 5, 2, 4]);
          return attention({ q, k: q, v: q }, { keyRanges: ranges });
        };
        return how((x, ranges) => attend(x!, ranges!), [x, ranges]);
      });
    }),
    tidily("under tf.grads too", ({ tolerance }) => {
      const inputs = operands();
      const dy = cotangent();
      const recomputed = tf.grads((...list) => recompute((...again) => layer(...(again as Operands)), list)[0]!);
      expectGradients(recomputed(inputs, dy), tf.grads(layer)(inputs, dy), tolerance);
    }),
    tidily("without a recording it is f", () => {
      const inputs = operands();
      const [y] = recompute((...list) => layer(...(list as Operands)), inputs);
      expectSameBits(y!, layer(...inputs), { what: "the output" });
    }),
    tidily("runs f both times as a recorded function", () => {
      const seen: boolean[] = [];
      const f = (x: tf.Tensor) => {
        seen.push(isRecording());
        return recompute((y) => tf.square(y!), [x])[0]!;
      };
      vjp((x) => recompute((y) => f(y!), [x!]), [tf.ones([3])]).pullback([tf.ones([3])]);
      seen.push(isRecording());
      if (String(seen) !== "true,true,false") throw new Error(`recording: ${seen}`);
    }),
    tidily("keeps only its inputs between forward and backward", () => {
      const inputs = operands();
      const held = (f: (...list: tf.Tensor[]) => tf.Tensor | tf.Tensor[]) => {
        const before = tf.memory().numTensors;
        const { outputs, dispose } = vjp(f, inputs);
        tf.dispose(outputs);
        const { numTensors } = tf.memory();
        dispose();
        return numTensors - before;
      };
      const recomputed = held((...list) => recompute((...again) => layer(...(again as Operands)), list));
      if (recomputed !== inputs.length) throw new Error(`${recomputed} tensors are kept for ${inputs.length} inputs`);
      const plainly = held((...list) => layer(...(list as Operands)));
      if (plainly <= recomputed) throw new Error(`plain keeps ${plainly} tensors, recompute ${recomputed}`);
    }),
    tidily("drops results of droppable functions, chains of them too, and equals plain bit for bit", () => {
      const dropped: typeof recompute = (g, inputs, options) => [droppable(g as Droppable, inputs, options)];
      // Three layers of which each drops the next one's input, and an activation that drops a factor.
      const f = (how: typeof recompute, x: tf.Tensor, layers: tf.Tensor[][]) =>
        dropping(() => {
          const y = layers.reduce((hidden, layer) => layerBy(how, hidden, layer), x);
          return tf.mul(how((y) => tf.tanh(y!), [tf.square(y)])[0]!, 2);
        });
      expectSameAsPlain((how, x, layers) => f(how === recompute ? dropped : how, x, layers));
    }),
    tidily("keeps one input for several droppable layers, and frees it all", () => {
      const inputs = operands();
      const three = (how: (x: tf.Tensor) => tf.Tensor) => (x: tf.Tensor) => dropping(() => how(how(how(x))));
      const f = (x: tf.Tensor) => tf.square(tf.exp(x));
      const bytes = (g: (x: tf.Tensor) => tf.Tensor) => {
        const before = tf.memory().numBytes;
        const { outputs, pullback } = vjp((x) => g(x!), [inputs[0]]);
        const kept = tf.memory().numBytes - before;
        const { inputs: gradients } = pullback(outputs);
        tf.dispose([...outputs, ...gradients.filter((gradient) => gradient !== null)]);
        if (tf.memory().numBytes !== before) throw new Error(`${tf.memory().numBytes - before} bytes are left`);
        return kept / inputs[0].size / 4;
      };
      // The output and the input; plainly the output and two tensors for each layer.
      const [plain, dropped] = [bytes(three(f)), bytes(three((x) => droppable((y) => f(y!), [x])))];
      if (dropped !== 2 || plain !== 7) throw new Error(`${dropped} tensors kept, ${plain} plainly`);
    }),
    tidily("an error while recomputing leaves nothing behind", () => {
      let runs = 0;
      const [x] = operands();
      const f = (x: tf.Tensor) => {
        runs++;
        const y = tf.exp(tf.square(x));
        if (runs > 1) throw new Error("on purpose");
        return y;
      };
      const dy = cotangent();
      expectNoLeak(
        () => {
          const { outputs, pullback } = vjp((x) => tf.square(recompute((x) => f(x!), [tf.exp(x!)])[0]!), [x]);
          tf.dispose(outputs);
          expectError(() => pullback([dy]), /on purpose/);
        },
        { what: "the error" },
      );
    }),
  ],
};
