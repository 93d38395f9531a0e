/** Fused attention, forward and backward, with or without a bias on the scores. */
import { ANY, type Call, type Kernels, type Run, taking } from "../kernel.ts";
import type { AttentionCall } from "../native-addon.ts";

function describe({
  inputs: { q, k, keyRanges, pageTable, bias },
  attrs: { scale, dropout },
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
    bias: backend.handleOrNone(bias),
    biasBatch: bias?.shape[0] ?? 0,
    biasHeads: bias?.shape[1] ?? 0,
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
  const { dout, q, k, v, out, logSumExp, bias } = call.inputs;
  const { backend } = call;
  const [dq, dk, dv, dbias] = backend.engine.attentionGradient(
    backend.handleOf(dout!),
    backend.handleOf(q!),
    backend.handleOf(k!),
    backend.handleOf(v!),
    backend.handleOf(out!),
    backend.handleOf(logSumExp!),
    describe(call),
  );
  const gradients = [backend.output(dq!, q!.shape), backend.output(dk!, k!.shape), backend.output(dv!, v!.shape)];
  return bias ? [...gradients, backend.output(dbias!, bias.shape)] : gradients;
};

export const attentionKernels: Kernels = taking(ANY, {
  MegatronAttention: attention,
  MegatronAttentionGradient: attentionGradient,
  MegatronBiasedAttention: attention,
  MegatronBiasedAttentionGradient: attentionGradient,
});
