/**
 * Scaled dot-product attention (Vaswani et al. 2017). Each query sees an interval of keys, which covers causal masks,
 * padding on either side, packed documents and sliding windows; a block layout covers every other pattern. Keys and values
 * may be stored in pages.
 */
import * as tf from "@tensorflow/tfjs";
import { type AttentionAttributes, attentionReference, gradientReference, isGiven } from "./attention-reference.ts";
import { type BlockLayout, blockSize, expectLayout } from "./block-layout.ts";
import { constant } from "./constant.ts";
import { type DropoutOptions, dropoutAttributes } from "./dropout.ts";
import { expectShape } from "./errors.ts";
import { type Kernel, type KernelShapes, runKernelForMany } from "./kernel.ts";
import { memoizeGradients } from "./vjp.ts";

type Shape = { readonly shape: readonly number[] };
const keysOf = (k: Shape, pageTable?: Shape) => k.shape[1]! * (pageTable ? pageTable.shape[1]! : 1);

/** Multiplications and additions of one product of queries and keys, masks aside: 2 B H T S D. */
function productFlops({ q, k, pageTable }: KernelShapes): number {
  const [batch, tokens, heads, headSize] = q!.shape as [number, number, number, number];
  return 2 * batch * heads * tokens * keysOf(k!, pageTable) * headSize;
}

const attentionGradientKernel: Kernel<AttentionAttributes> = {
  name: "MegatronAttentionGradient",
  reference: gradientReference,
  // Scores again, and one product for each of dv, dp, dq and dk.
  flops: (inputs) => 5 * productFlops(inputs),
};

const attentionKernel: Kernel<AttentionAttributes> = {
  name: "MegatronAttention",
  reference: attentionReference,
  flops: (inputs) => 2 * productFlops(inputs),
  gradient: {
    inputsToSave: ["q", "k", "v", "keyRanges"],
    outputsToSave: [true, true],
    gradFunc: (dys, [q, k, v, keyRanges, out, logSumExp], attributes) => {
      const dout = (dys as tf.Tensor[])[0]!;
      const operands = { dout, q: q!, k: k!, v: v!, out: out!, logSumExp: logSumExp!, keyRanges: keyRanges! };
      const gradient = memoizeGradients(() => runKernelForMany(attentionGradientKernel, operands, attributes));
      return { q: gradient(0), k: gradient(1), v: gradient(2) };
    },
  },
};

/** Operands that a call may leave out; kernels then get an empty tensor. */
const OPTIONAL = ["offsets", "blocks", "masks", "bias", "distanceBias", "sinks"] as const;
/** Those among them that have gradients, in the order in which the gradient kernel returns them. */
const TRAINED = ["bias", "distanceBias", "sinks"] as const;

/** Multiplications and additions of one product of the listed blocks; of all pairs without a layout. */
function listedFlops(inputs: KernelShapes): number {
  const { q, k, offsets, blocks, pageTable } = inputs;
  const lists = offsets!.shape[0]! - 1;
  if (lists <= 0) return productFlops(inputs);
  const [batch, tokens, heads, headSize] = q!.shape as [number, number, number, number];
  // A layout that rows or heads share counts for each of them.
  const sharing = (batch * heads * Math.ceil(tokens / blockSize)) / lists;
  const pairs = Math.min(blocks!.shape[0]! * sharing * blockSize ** 2, batch * heads * tokens * keysOf(k!, pageTable));
  return 2 * pairs * headSize;
}

const generalGradientKernel: Kernel<AttentionAttributes> = {
  name: "MegatronGeneralAttentionGradient",
  reference: gradientReference,
  flops: (inputs) => 5 * listedFlops(inputs),
};

/** With a layout, biases or sinks: a kernel of its own, so that plain calls carry no operands for them. */
const generalKernel: Kernel<AttentionAttributes> = {
  name: "MegatronGeneralAttention",
  reference: attentionReference,
  flops: (inputs) => 2 * listedFlops(inputs),
  gradient: {
    inputsToSave: ["q", "k", "v", "keyRanges", ...OPTIONAL],
    outputsToSave: [true, true],
    gradFunc: (dys, saved, attributes) => {
      const names = ["q", "k", "v", "keyRanges", ...OPTIONAL, "out", "logSumExp"];
      const operands = Object.fromEntries(names.map((name, i) => [name, saved[i]!]));
      const dout = (dys as tf.Tensor[])[0]!;
      const gradient = memoizeGradients(() =>
        runKernelForMany(generalGradientKernel, { dout, ...operands }, attributes),
      );
      const trained = ["q", "k", "v", ...TRAINED.filter((name) => isGiven(operands[name]))];
      return Object.fromEntries(trained.map((name, i) => [name, gradient(i)]));
    },
  },
};

/** Options of `attention`. */
export interface AttentionOptions {
  /** int32 [B, T, 2]: query t of row b sees keys keyRanges[b, t, 0] <= j < keyRanges[b, t, 1]; default: all keys. */
  keyRanges?: tf.Tensor | null;
  /** int32 [B, P]: k and v are then pages [pages, pageSize, G, D], and key j of row b is in page pageTable[b, j / pageSize]. */
  pageTable?: tf.Tensor | null;
  /** The keys that queries may see: those that are in this layout and in `keyRanges`. */
  layout?: BlockLayout | null;
  /** Added to the scaled scores: [B or 1, H or 1, T, S]. Relative positions and masks that are no intervals. */
  bias?: tf.Tensor | null;
  /**
   * Added to the scaled scores by distance, [H or 1, T + S - 1]: the score of query t and key j gets element
   * T - 1 - t + j. So element i is for keys i - (T - 1) tokens after the query if both start at the same token; where the
   * first query is token `offset` of the keys, as in cached decoding, it is for keys i - (T - 1) - offset tokens after it.
   */
  distanceBias?: tf.Tensor | null;
  /** One logit a head, [H], that takes its share of the softmax but has no value (gpt-oss): attention to nothing. */
  sinks?: tf.Tensor | null;
  /** Factor of the scores. Default: 1 / sqrt(D). */
  scale?: number;
  /** Dropout of the probabilities; its shapes are those of [B, H, T, S]. */
  dropout?: DropoutOptions | null;
}

/**
 * q [B, T, H, D], k and v [B, S, G, D] with H a multiple of G -> [B, T, H, D].
 * Head h of the queries uses head floor(h G / H) of the keys. A query that sees no key gives zeros, with a sink too.
 * Throws a ShapeError where shapes do not fit, or a layout was made for other lengths.
 */
export function attention(
  { q, k, v }: { q: tf.Tensor; k: tf.Tensor; v: tf.Tensor },
  { keyRanges, pageTable, layout, bias, distanceBias, sinks, scale, dropout }: AttentionOptions = {},
): tf.Tensor {
  const [batch, tokens, heads, headSize] = q.shape as [number, number, number, number];
  expectShape(
    q.rank === 4 && k.rank === 4 && tf.util.arraysEqual(k.shape, v.shape) && k.shape[3] === headSize,
    () =>
      `attention: q [${q.shape}], k [${k.shape}] and v [${v.shape}] must be [B, T, H, D], [B, S, G, D] and [B, S, G, D]`,
  );
  const keys = pageTable ? pageTable.shape[1]! * k.shape[1]! : k.shape[1]!;
  expectShape(
    heads % k.shape[2]! === 0 && (pageTable ?? k).shape[0] === batch,
    () =>
      `attention: ${heads} query heads cannot share ${k.shape[2]} key heads, or rows differ: q [${q.shape}], k [${k.shape}]`,
  );
  expectShape(
    !keyRanges || (keyRanges.dtype === "int32" && tf.util.arraysEqual(keyRanges.shape, [batch, tokens, 2])),
    () => `attention: keyRanges must be int32 [${batch},${tokens},2], got ${keyRanges!.dtype} [${keyRanges!.shape}]`,
  );
  expectShape(
    !bias ||
      [batch, 1].some((rows) => [heads, 1].some((each) => tf.util.arraysEqual(bias.shape, [rows, each, tokens, keys]))),
    () => `attention: the bias must be [${batch} or 1,${heads} or 1,${tokens},${keys}], got [${bias!.shape}]`,
  );
  const distances = Math.max(tokens + keys - 1, 0);
  expectShape(
    !distanceBias || [heads, 1].some((each) => tf.util.arraysEqual(distanceBias.shape, [each, distances])),
    () => `attention: the distance bias must be [${heads} or 1,${distances}], got [${distanceBias!.shape}]`,
  );
  expectShape(
    !sinks || tf.util.arraysEqual(sinks.shape, [heads]),
    () => `attention: the sinks must be [${heads}], got [${sinks!.shape}]`,
  );
  if (layout) expectLayout(layout, { batch, heads, queries: tokens, keys });
  const attributes = {
    scale: scale ?? 1 / Math.sqrt(headSize),
    layout: layout ? { batch: layout.batch, heads: layout.heads } : null,
    dropout: dropout && dropout.rate > 0 ? dropoutAttributes([batch, heads, tokens, keys], dropout) : null,
  };
  return tf.tidy(() => {
    const operands: Record<string, tf.Tensor> = { q, k, v, keyRanges: keyRanges ?? allKeys({ batch, tokens, keys }) };
    if (pageTable) operands.pageTable = pageTable;
    const { offsets, blocks, masks } = layout ?? {};
    const given: Record<string, tf.Tensor | null | undefined> = { offsets, blocks, masks, bias, distanceBias, sinks };
    if (OPTIONAL.every((name) => !given[name])) return runKernelForMany(attentionKernel, operands, attributes)[0]!;
    for (const name of OPTIONAL) operands[name] = given[name] ?? constant(() => tf.tensor1d([], dtypeOf(name)));
    return runKernelForMany(generalKernel, operands, attributes)[0]!;
  });
}

const dtypeOf = (name: (typeof OPTIONAL)[number]) =>
  (TRAINED as readonly string[]).includes(name) ? "float32" : "int32";

/** Ranges [B, T, 2] by which every query sees every key. */
function allKeys({ batch, tokens, keys }: { batch: number; tokens: number; keys: number }): tf.Tensor {
  const every = constant(() => tf.tensor3d([[[0, keys]]], [1, 1, 2], "int32"));
  return tf.tile(every, [batch, tokens, 1]);
}
