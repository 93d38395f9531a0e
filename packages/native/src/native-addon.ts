/**
 * The compiled addon as crate/binding declares it. Tensors are handles; -1 stands for one that is absent. Sizes are counted
 * in elements unless bytes are named.
 */

export type Handle = number;

/** Bytes of tensors. */
export interface MemoryUsage {
  inUse: number;
  /** Kept for reuse. */
  kept: number;
  /** The most that was in use at once. */
  peak: number;
}

export interface AttentionCall {
  batch: number;
  queries: number;
  keys: number;
  numHeads: number;
  numKeyValueHeads: number;
  headSize: number;
  scale: number;
  keyRanges: Handle;
  pageTable: Handle;
  pageSize: number;
  /** Rate, key (2), origin (4), global shape (4); empty without dropout. */
  dropout: number[];
  bias: Handle;
  biasBatch: number;
  biasHeads: number;
}

export interface AdamCall {
  learningRate: number;
  beta1: number;
  beta2: number;
  epsilon: number;
  step: number;
  biasCorrection: boolean;
  gradientScale: number;
}

export interface NativeEngine {
  threads(): number;
  memory(): MemoryUsage;
  trim(): void;
  adjustExternalMemory(bytes: number): void;

  allocate(kind: number, length: number): Handle;
  create(kind: number, bytes: Uint8Array): Handle;
  read(x: Handle): ArrayBuffer;
  free(x: Handle): void;
  kind(x: Handle): number;
  store(x: Handle, kind: number): void;
  storedAs(x: Handle, kind: number): Handle;
  setBf16(bf16: boolean): boolean;

  unary(op: number, x: Handle, first: number, second: number): Handle;
  binary(op: number, a: Handle, b: Handle, shapes: Int32Array): Handle;
  compare(op: number, a: Handle, b: Handle, shapes: Int32Array): Handle;
  predicate(op: number, x: Handle): Handle;
  select(condition: Handle, repeat: number, a: Handle, b: Handle): Handle;
  cast(x: Handle, kind: number): Handle;
  fill(kind: number, length: number, value: number): Handle;

  reduce(op: number, x: Handle, outer: number, count: number, inner: number): Handle;
  argExtreme(largest: boolean, x: Handle, outer: number, count: number, inner: number): Handle;
  softmax(x: Handle, width: number, logarithm: boolean): Handle;
  topK(x: Handle, width: number, k: number): Handle[];
  cumulativeSum(x: Handle, outer: number, count: number, inner: number, exclusive: boolean, reverse: boolean): Handle;

  copy(source: Handle, target: Handle, plan: Float64Array): void;
  gather(x: Handle, indices: Handle, batch: number, outer: number, count: number, inner: number): Handle;
  scatterAdd(indices: Handle, updates: Handle, base: Handle, sizes: Int32Array, width: number): Handle;
  oneHot(indices: Handle, depth: number, on: number, off: number, kind: number): Handle;

  matMul(
    a: Handle,
    b: Handle,
    pairs: Int32Array,
    m: number,
    k: number,
    n: number,
    transposeA: boolean,
    transposeB: boolean,
  ): Handle;
  linear(
    x: Handle,
    weight: Handle,
    bias: Handle,
    rows: number,
    outputs: number,
    inputs: number,
    activation: number,
  ): Handle;
  linearInputGradient(dy: Handle, weight: Handle, rows: number, outputs: number, inputs: number): Handle;
  linearWeightGradient(x: Handle, dy: Handle, rows: number, outputs: number, inputs: number): Handle;
  sumRows(x: Handle, rows: number, columns: number): Handle;

  normalise(x: Handle, gamma: Handle, beta: Handle, epsilon: number): Handle[];
  normaliseGradient(dy: Handle, x: Handle, gamma: Handle, mean: Handle, rstd: Handle): Handle[];
  embedding(ids: Handle, table: Handle, width: number): Handle;
  embeddingGradient(ids: Handle, dy: Handle, rows: number, width: number): Handle;
  dropout(x: Handle, rate: number, key0: number, key1: number, place: Float64Array): Handle;
  crossEntropy(logits: Handle, labels: Handle, vocabulary: number): Handle[];
  crossEntropyGradient(dloss: Handle, logits: Handle, labels: Handle, sums: Handle): Handle;
  attention(q: Handle, k: Handle, v: Handle, call: AttentionCall): Handle[];
  attentionGradient(
    dout: Handle,
    q: Handle,
    k: Handle,
    v: Handle,
    out: Handle,
    sums: Handle,
    call: AttentionCall,
  ): Handle[];

  sumOfSquares(handles: Uint32Array): Handle;
  adamW(handles: Uint32Array, weightDecays: Float64Array, call: AdamCall): void;
  cacheAppend(cache: Handle, values: Handle, table: Handle, positions: Handle, sizes: Int32Array): void;
}

/** Lists whose indices are what the engine's methods take. */
export interface NativeAddon {
  Engine: new (threads: number) => NativeEngine;
  instructionSets(): string[];
  kinds(): string[];
  unaryKernels(): string[];
  binaryKernels(): string[];
  integerKernels(): string[];
  comparisonKernels(): string[];
  predicateKernels(): string[];
  reductionKernels(): string[];
  activations(): string[];
}
