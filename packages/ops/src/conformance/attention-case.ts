/** Cases of attention: operands from sizes, and a reference that visits one query at a time, step by step in float64. */
import * as tf from "@tensorflow/tfjs";
import { attention } from "../attention.ts";
import { maskOf } from "../dropout.conformance.ts";
import type { DropoutOptions } from "../dropout.ts";
import type { ConformanceCase } from "./case.ts";
import { checkOp, type OpCheck, type Plains } from "./check-op.ts";
import { layoutOf, type Sees } from "./layout-case.ts";
import { type Plain, plain, random } from "./plain.ts";

export interface Sizes {
  B?: number;
  T: number;
  S?: number;
  H?: number;
  G?: number;
  D?: number;
}

export interface Given {
  /** [from, to) of query t of row b; all keys unless given. */
  range?: (b: number, t: number) => readonly [number, number];
  /** By a layout, whether query t of row b and head h may see a key. Heads and rows share one unless it says so. */
  sees?: Sees;
  scale?: number;
  dropout?: DropoutOptions;
}

const whole = ({ B = 2, T, S = T, H = 2, G = H, D = 8 }: Sizes) => ({ B, T, S, H, G, D });

export const operands = (sizes: Sizes, { scale = 1 } = {}): Plains => {
  const { B, T, S, H, G, D } = whole(sizes);
  return {
    q: random("q", [B, T, H, D], { scale }),
    k: random("k", [B, S, G, D]),
    v: random("v", [B, S, G, D]),
  };
};

interface Query {
  /** Where the query begins in q, a key in k, and the query's row in a bias. */
  start: number;
  h: number;
  /** The query's place in a bias by distance, for key 0. */
  distanceStart: number;
  /** The probability of the sink. */
  sunk: number;
  keyStart: (key: number) => number;
  biasStart: number;
  /** The probability of each visible key, and what dropout multiplies a key's with. */
  p: Map<number, number>;
  masked: (key: number) => number;
}

/** Calls back for every (row, head, query). */
function eachQuery({ q, k, bias, distanceBias, sinks }: Plains, given: Given, visit: (query: Query) => void): void {
  const [B, T, H, D] = q!.shape as [number, number, number, number];
  const [, S, G] = k!.shape as [number, number, number];
  const mask = given.dropout ? maskOf([B, H, T, S], given.dropout).values : null;
  const scale = given.scale ?? 1 / Math.sqrt(D);
  for (let b = 0; b < B; b++) {
    for (let h = 0; h < H; h++) {
      const g = Math.floor((h * G) / H);
      for (let t = 0; t < T; t++) {
        const start = ((b * T + t) * H + h) * D;
        const [rows, heads] = bias ? (bias.shape as [number, number]) : [1, 1];
        const biasStart = (((b % rows) * heads + (h % heads)) * T + t) * S;
        const keyStart = (key: number) => ((b * S + key) * G + g) * D;
        const distanceStart = (h % (distanceBias?.shape[0] ?? 1)) * (T + S - 1) + T - 1 - t;
        const [from, to] = given.range?.(b, t) ?? [0, S];
        const scores = new Map<number, number>();
        for (let key = from; key < to; key++) {
          if (given.sees && !given.sees.visible(b, h, t, key)) continue;
          let dot = 0;
          for (let d = 0; d < D; d++) dot += q!.values[start + d]! * k!.values[keyStart(key) + d]!;
          scores.set(
            key,
            dot * scale + (bias?.values[biasStart + key] ?? 0) + (distanceBias?.values[distanceStart + key] ?? 0),
          );
        }
        const sink = sinks?.values[h] ?? Number.NEGATIVE_INFINITY;
        const highest = Math.max(-1e300, sink, ...scores.values());
        const all = [sink, ...scores.values()];
        const total = all.reduce((sum, score) => sum + Math.exp(score - highest), 0);
        const p = new Map([...scores].map(([key, score]) => [key, Math.exp(score - highest) / (total || 1)]));
        const masked = (key: number) => mask?.[((b * H + h) * T + t) * S + key] ?? 1;
        const sunk = Math.exp(sink - highest) / (total || 1);
        visit({ start, h, keyStart, biasStart, distanceStart, p, sunk, masked });
      }
    }
  }
}

export function forward({ q, k, v, ...rest }: Plains, given: Given): Plain {
  const D = q!.shape[3]!;
  const out = new Float64Array(q!.values.length);
  eachQuery({ q: q!, k: k!, ...rest }, given, ({ start, keyStart, p, masked }) => {
    for (const [key, probability] of p) {
      const weight = probability * masked(key);
      for (let d = 0; d < D; d++) out[start + d]! += weight * v!.values[keyStart(key) + d]!;
    }
  });
  return plain(q!.shape, out);
}

/** Through the chain rule, step by step: dv, then dp by the mask, then the softmax, then the scores. */
function backward({ q, k, v, ...rest }: Plains, dout: Plain, given: Given): Plains {
  const D = q!.shape[3]!;
  const scale = given.scale ?? 1 / Math.sqrt(D);
  const [dq, dk, dv] = [q!, k!, v!].map(({ values }) => new Float64Array(values.length)) as [
    Float64Array,
    Float64Array,
    Float64Array,
  ];
  const dBias = new Float64Array(rest.bias?.values.length ?? 0);
  const dDistanceBias = new Float64Array(rest.distanceBias?.values.length ?? 0);
  const dSinks = new Float64Array(rest.sinks?.values.length ?? 0);
  eachQuery({ q: q!, k: k!, ...rest }, given, ({ start, h, keyStart, biasStart, distanceStart, p, sunk, masked }) => {
    const dp = new Map<number, number>();
    let mean = 0;
    for (const [key, probability] of p) {
      const kept = masked(key);
      let dot = 0;
      for (let d = 0; d < D; d++) {
        dot += dout.values[start + d]! * v!.values[keyStart(key) + d]!;
        dv[keyStart(key) + d]! += probability * kept * dout.values[start + d]!;
      }
      dp.set(key, dot * kept);
      mean += probability * dot * kept;
    }
    dSinks[h]! -= sunk * mean;
    for (const [key, probability] of p) {
      const dBiased = probability * (dp.get(key)! - mean);
      const dScore = dBiased * scale;
      dBias[biasStart + key]! += dBiased;
      dDistanceBias[distanceStart + key]! += dBiased;
      for (let d = 0; d < D; d++) {
        dq[start + d]! += dScore * k!.values[keyStart(key) + d]!;
        dk[keyStart(key) + d]! += dScore * q!.values[start + d]!;
      }
    }
  });
  const gradients = { q: plain(q!.shape, dq), k: plain(k!.shape, dk), v: plain(v!.shape, dv) };
  const further = { bias: dBias, distanceBias: dDistanceBias, sinks: dSinks };
  const wanted = Object.entries(further).filter(([name]) => rest[name]);
  return {
    ...gradients,
    ...Object.fromEntries(wanted.map(([name, values]) => [name, plain(rest[name]!.shape, values)])),
  };
}

/** Ranges [B, T, 2] as the op takes them. */
export function rangesOf(range: NonNullable<Given["range"]>, [B, T]: readonly number[]): tf.Tensor {
  const values = Array.from({ length: B! * T! }, (_, i) => range(Math.floor(i / T!), i % T!)).flat();
  return tf.tensor3d(values, [B!, T!, 2], "int32");
}

export function holds(
  name: string,
  inputs: Plains,
  given: Given & { differences?: number; valuesOnly?: boolean } = {},
): ConformanceCase {
  const { range, sees, scale, dropout, differences, valuesOnly } = given;
  const op: OpCheck = {
    inputs,
    run: ({ q, k, v, ...biases }) =>
      attention(
        { q: q!, k: k!, v: v! },
        {
          keyRanges: range ? rangesOf(range, q!.shape) : null,
          layout: sees ? layoutOf(sees, [q!.shape[1]!, k!.shape[1]!]) : null,
          ...biases,
          scale,
          dropout: dropout ?? null,
        },
      ),
    forward: (plains) => forward(plains, given),
    backward: valuesOnly ? null : (plains, dout) => backward(plains, dout, given),
    differences: differences ?? 4,
  };
  return { name, check: (options) => checkOp(op, options) };
}
