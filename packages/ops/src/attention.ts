/**
 * Scaled dot-product attention (Vaswani et al. 2017). Each query sees an interval of keys, which covers causal masks,
 * padding on either side, packed documents and sliding windows. Keys and values may be stored in pages.
 */
import * as tf from "@tensorflow/tfjs";
import { type AttentionAttributes, attentionReference, gradientReference } from "./attention-reference.ts";
import { type DropoutOptions, dropoutAttributes } from "./dropout.ts";
import { expectShape } from "./errors.ts";
import { type Kernel, type KernelShapes, runKernelForMany } from "./kernel.ts";
import { memoizeGradients } from "./vjp.ts";

/** Multiplications and additions of one product of queries and keys, masks aside: 2 B H T S D. */
function productFlops({ q, k, pageTable }: KernelShapes): number {
  const [batch, tokens, heads, headSize] = q!.shape as [number, number, number, number];
  const keys = k!.shape[1]! * (pageTable ? pageTable.shape[1]! : 1);
  return 2 * batch * heads * tokens * keys * headSize;
}

const attentionGradientKernel: Kernel<AttentionAttributes> = {
  name: "MegatronAttentionGradient",
  reference: gradientReference,
  // Scores again, and one product for each of dv, dp, dq and dk.
  flops: (inputs) => 5 * productFlops(inputs),
};

const biasedAttentionGradientKernel: Kernel<AttentionAttributes> = {
  ...attentionGradientKernel,
  name: "MegatronBiasedAttentionGradient",
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

/** The same with a bias added to the scores: a separate kernel, since most backends fuse only the plain one. */
const biasedAttentionKernel: Kernel<AttentionAttributes> = {
  ...attentionKernel,
  name: "MegatronBiasedAttention",
  gradient: {
    inputsToSave: ["q", "k", "v", "keyRanges", "bias"],
    outputsToSave: [true, true],
    gradFunc: (dys, [q, k, v, keyRanges, bias, out, logSumExp], attributes) => {
      const dout = (dys as tf.Tensor[])[0]!;
      const operands = {
        dout,
        q: q!,
        k: k!,
        v: v!,
        out: out!,
        logSumExp: logSumExp!,
        keyRanges: keyRanges!,
        bias: bias!,
      };
      const gradient = memoizeGradients(() => runKernelForMany(biasedAttentionGradientKernel, operands, attributes));
      return { q: gradient(0), k: gradient(1), v: gradient(2), bias: gradient(3) };
    },
  },
};

/** Options of `attention`. */
export interface AttentionOptions {
  /** int32 [B, T, 2]: query t of row b sees keys keyRanges[b, t, 0] <= j < keyRanges[b, t, 1]; default: all keys. */
  keyRanges?: tf.Tensor | null;
  /** int32 [B, P]: k and v are then pages [pages, pageSize, G, D], and key j of row b is in page pageTable[b, j / pageSize]. */
  pageTable?: tf.Tensor | null;
  /** Added to the scaled scores: [B or 1, H or 1, T, S]. Relative positions and masks that are no intervals. */
  bias?: tf.Tensor | null;
  /** Factor of the scores. Default: 1 / sqrt(D). */
  scale?: number;
  /** Dropout of the probabilities; its shapes are those of [B, H, T, S]. */
  dropout?: DropoutOptions | null;
}

/**
 * q [B, T, H, D], k and v [B, S, G, D] with H a multiple of G -> [B, T, H, D].
 * Head h of the queries uses head floor(h G / H) of the keys. A query that sees no key gives zeros.
 */
export function attention(
  { q, k, v }: { q: tf.Tensor; k: tf.Tensor; v: tf.Tensor },
  { keyRanges, pageTable, bias, scale, dropout }: AttentionOptions = {},
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
  const attributes = {
    scale: scale ?? 1 / Math.sqrt(headSize),
    dropout: dropout && dropout.rate > 0 ? dropoutAttributes([batch, heads, tokens, keys], dropout) : null,
  };
  return tf.tidy(() => {
    const operands: Record<string, tf.Tensor> = { q, k, v, keyRanges: keyRanges ?? allKeys({ batch, tokens, keys }) };
    if (pageTable) operands.pageTable = pageTable;
    if (!bias) return runKernelForMany(attentionKernel, operands, attributes)[0]!;
    return runKernelForMany(biasedAttentionKernel, { ...operands, bias }, attributes)[0]!;
  });
}

/** Ranges [B, T, 2] by which every query sees every key. */
function allKeys({ batch, tokens, keys }: { batch: number; tokens: number; keys: number }): tf.Tensor {
  return tf.tile(tf.tensor3d([[[0, keys]]], [1, 1, 2], "int32"), [batch, tokens, 1]);
}
