/** The check that a model does not see the future, in every way that it is run. */
import { causalRanges } from "@megatron-ts/attention";
import type { CausalModel } from "@megatron-ts/model";
import * as tf from "@tensorflow/tfjs";

/** Hidden states [B * T * h] of tokens [B, T], run in one particular way. */
export type Runner = (model: CausalModel, tokens: Int32Array) => Float32Array;

const shape: [number, number] = [2, 9];
const [rows, length] = shape;
const matrix = (values: Int32Array) => tf.tensor2d(values, shape, "int32");
const hiddenStates = (run: () => tf.Tensor) => tf.tidy(() => run().dataSync().slice() as Float32Array);

/** Two tokens of padding on the left of every row: they are seen by nobody. */
const padding = 2;
/** Every row is two documents of a packed sample, 4 and 5 tokens long. */
const documentStart = (position: number) => (position < 4 ? 0 : 4);
const perToken = (value: (position: number) => number) =>
  Int32Array.from({ length: rows * length }, (_, i) => value(i % length));

export const runners: Record<string, Runner> = {
  full: (model, tokens) => hiddenStates(() => model.forward({ tokens: matrix(tokens) }).hidden),

  cached(model, tokens) {
    const cache = model.createCache({ batchSize: rows, capacity: length });
    const steps = Array.from({ length }, (_, position) => {
      const column = Int32Array.from({ length: rows }, (_, row) => tokens[row * length + position]!);
      const values = hiddenStates(
        () => model.forward({ tokens: tf.tensor2d(column, [rows, 1], "int32") }, { cache }).hidden,
      );
      cache.advance([1, 1]);
      return values;
    });
    cache.dispose();
    const width = steps[0]!.length / rows;
    const out = new Float32Array(rows * length * width);
    steps.forEach((values, position) => {
      for (let row = 0; row < rows; row++) {
        out.set(values.subarray(row * width, (row + 1) * width), (row * length + position) * width);
      }
    });
    return out;
  },

  padded: (model, tokens) =>
    hiddenStates(
      () =>
        model.forward({
          tokens: matrix(tokens),
          positions: matrix(perToken((position) => Math.max(position - padding, 0))),
          ranges: causalRanges({ batchSize: rows, tokens: length, keyStart: perToken(() => padding) }),
        }).hidden,
    ),

  packed: (model, tokens) =>
    hiddenStates(
      () =>
        model.forward({
          tokens: matrix(tokens),
          positions: matrix(perToken((position) => position - documentStart(position))),
          ranges: causalRanges({ batchSize: rows, tokens: length, keyStart: perToken(documentStart) }),
        }).hidden,
    ),
};

/** Throws unless changing token t + 1 leaves all outputs up to t bit-equal and changes those from t + 1 on. */
export function checkCausality(model: CausalModel, run: Runner): void {
  const { vocabularySize } = model.config;
  const tokens = Int32Array.from({ length: rows * length }, (_, i) => (i * 7 + 3) % vocabularySize);
  const before = run(model, tokens);
  const width = before.length / tokens.length;
  for (let position = padding + 1; position < length; position++) {
    const changed = tokens.slice();
    for (let row = 0; row < rows; row++) {
      changed[row * length + position] = (changed[row * length + position]! + 11) % vocabularySize;
    }
    const after = run(model, changed);
    for (let token = 0; token < rows * length; token++) {
      const [a, b] = [before, after].map((values) => values.subarray(token * width, (token + 1) * width));
      const equal = a!.every((value, i) => Object.is(value, b![i]));
      if (token % length < position && !equal) throw new Error(`token ${token % length} sees token ${position}`);
      if (token % length === position && equal) throw new Error(`token ${position} does not see itself`);
    }
  }
}
