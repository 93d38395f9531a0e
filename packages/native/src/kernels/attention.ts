/** Fused attention, forward and backward, with or without a block layout, biases of the scores, and sinks. */
import type * as tf from "@tensorflow/tfjs";
import { ANY, type Call, type Kernels, type Run, taking } from "../kernel.ts";
import type { AttentionCall } from "../native-addon.ts";

/** The operand, or nothing for the empty tensor [0], which marks an omitted one. */
const given = (operand: tf.TensorInfo | undefined) =>
  operand && (operand.shape.length > 1 || operand.shape[0]! > 0) ? operand : undefined;

function describe({
  inputs: { q, k, keyRanges, pageTable, bias, offsets, blocks, masks, distanceBias, sinks },
  attrs: { scale, dropout, layout },
  backend,
}: Call): AttentionCall {
  if (dropout) backend.refuseCapture("attention's dropout draws by the key of a step");
  const [batch, queries, heads, headSize] = q!.shape as [number, number, number, number];
  const [, size, numKeyValueHeads] = k!.shape as [number, number, number];
  return {
    batch,
    queries,
    keys: pageTable ? pageTable.shape[1]! * size : size,
    numHeads: heads,
    numKeyValueHeads,
    headSize,
    scale,
    keyRanges: backend.handleOrNone(keyRanges),
    pageTable: backend.handleOrNone(pageTable),
    pageSize: pageTable ? size : 0,
    dropout: dropout ? [dropout.rate, ...dropout.key, ...dropout.origin, ...dropout.globalShape] : [],
    bias: backend.handleOrNone(given(bias)),
    biasBatch: bias?.shape[0] ?? 0,
    biasHeads: bias?.shape[1] ?? 0,
    layout: layout ? [offsets, blocks, masks].map((tensor) => backend.handleOf(tensor!)) : [],
    layoutBatch: layout?.batch ?? 0,
    layoutHeads: layout?.heads ?? 0,
    distanceBias: backend.handleOrNone(given(distanceBias)),
    distanceBiasHeads: distanceBias?.shape[0] ?? 0,
    sinks: backend.handleOrNone(given(sinks)),
  };
}

const attention: Run = (call) => {
  const { q, k, v } = call.inputs;
  const { backend } = call;
  const handles = [backend.handleOf(q!), backend.handleOf(k!), backend.handleOf(v!)] as const;
  const [out, sums] = backend.engine.attention(...handles, describe(call));
  const [batch, queries, heads] = q!.shape as [number, number, number];
  return [backend.output(out!, q!.shape), backend.output(sums!, [batch, heads, queries])];
};

const attentionGradient: Run = (call) => {
  const { dout, q, k, v, out, logSumExp, bias, distanceBias, sinks } = call.inputs;
  const { backend } = call;
  const gradients = backend.engine.attentionGradient(
    backend.handleOf(dout!),
    backend.handleOf(q!),
    backend.handleOf(k!),
    backend.handleOf(v!),
    backend.handleOf(out!),
    backend.handleOf(logSumExp!),
    describe(call),
  );
  const operands = [q, k, v, ...[bias, distanceBias, sinks].filter(given)];
  return gradients.map((gradient, i) => backend.output(gradient, operands[i]!.shape));
};

export const attentionKernels: Kernels = taking(ANY, {
  MegatronAttention: attention,
  MegatronAttentionGradient: attentionGradient,
  MegatronGeneralAttention: attention,
  MegatronGeneralAttentionGradient: attentionGradient,
});
