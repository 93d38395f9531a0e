/**
 * An engine that computes nothing and takes no memory: each operation only records how many elements of which kind its
 * results have, and which copies it makes on the way, as `crate/binding` does. A test compares the two, operation by
 * operation. Reading a tensor gives zeros, but for integers that came from JavaScript: shapes may depend on them.
 */
import type { AttentionCall, Engine, Recorded } from "../native-addon.ts";
import { BF16, type Block, F32, I32, Pool, U8 } from "./pool.ts";

const product = (sizes: Iterable<number>) => [...sizes].reduce((all, size) => all * size, 1);

/** The addon's engine, without its arithmetic. */
export class CountingEngine implements Engine {
  readonly pool = new Pool();
  /** Bytes of integer tensors that came from JavaScript, by handle. */
  private readonly integers = new Map<number, Uint8Array>();
  private bf16 = false;
  private isRecording = false;

  threads = () => 1;
  peak = () => null;
  memory = () => this.pool.usage();
  trim = () => this.pool.resetPeak();
  adjustExternalMemory(): void {}

  startRecording(): void {
    this.isRecording = true;
  }
  refuseRecording(): void {}
  abandonRecording(): void {
    this.isRecording = false;
  }
  finishRecording(outputs: Uint32Array): Recorded {
    if (!this.isRecording) throw new Error("no program is being recorded");
    this.isRecording = false;
    return { program: -1, outputs: [...outputs], refusal: "this engine only counts memory" };
  }
  replay = () => null;
  freeProgram(): void {}

  allocate = (kind: number, length: number) => this.one(kind, length);
  create(kind: number, bytes: Uint8Array): number {
    const handle = this.one(kind, bytes.length / (kind === U8 ? 1 : 4));
    this.overwrite(handle, bytes);
    return handle;
  }
  fill = (kind: number, length: number) => this.one(kind, length);
  overwrite(x: number, bytes: Uint8Array): void {
    if (this.kind(x) !== F32) this.integers.set(x, bytes.slice());
  }
  read(x: number): ArrayBuffer {
    const { kind, length } = this.pool.at(x);
    this.pool.produce([], this.widened([x]));
    const known = this.integers.get(x);
    return known ? known.slice().buffer : new ArrayBuffer(length * (kind === U8 ? 1 : 4));
  }
  free(x: number): void {
    this.pool.free(x);
    this.integers.delete(x);
  }
  kind = (x: number) => this.pool.at(x).kind;
  length = (x: number) => this.pool.at(x).length;
  store = (x: number, kind: number) => this.pool.convert(x, kind);
  storedAs = (x: number, kind: number) => this.one(kind, this.length(x));
  setBf16(bf16: boolean): boolean {
    const before = this.bf16;
    this.bf16 = bf16;
    return before;
  }

  unary = (_op: number, x: number) => this.one(this.kind(x), this.length(x));
  binary(_op: number, a: number, b: number, shapes: Float64Array): number {
    const kinds = [this.kind(a), this.kind(b)];
    const same = kinds[0] === kinds[1] && kinds[0] !== U8;
    return this.one(same ? kinds[0]! : F32, this.broadcastLength(a, shapes));
  }
  compare(_op: number, a: number, b: number, shapes: Float64Array): number {
    const isFloat = [F32, BF16].includes(this.kind(a) as 0);
    return this.one(U8, this.broadcastLength(a, shapes), isFloat ? this.widened([a, b]) : []);
  }
  predicate = (_op: number, x: number) => this.one(U8, this.length(x), this.widened([x]));
  select(_condition: number, _repeat: number, a: number, b: number): number {
    const kind = this.kind(a) === this.kind(b) ? this.kind(a) : F32;
    return this.one(kind, this.length(a), kind === F32 ? this.widened([a, b]) : []);
  }
  cast = (x: number, kind: number) => this.one(kind, this.length(x), this.widened([x]));
  copy(): void {}

  gather = (x: number, indices: number, _batch: number, outer: number, _count: number, inner: number) =>
    this.one(this.kind(x), outer * this.length(indices) * inner);
  scatterAdd(_indices: number, updates: number, base: number, sizes: Float64Array, width: number): number {
    const kind = this.kind(updates) === I32 ? I32 : F32;
    return this.one(kind, product(sizes) * width, this.widened([updates, base]));
  }
  oneHot = (indices: number, depth: number, _on: number, _off: number, kind: number) =>
    this.one(kind, this.length(indices) * depth);

  muon(): void {}
  movingAverage(): void {}
  adamW(): void {}
  cacheAppend(): void {}
  sumOfSquares = () => this.one(F32, 1);

  linear = (_x: number, _weight: number, bias: number, rows: number, outputs: number) =>
    this.one(this.activationKind(), rows * outputs, this.widened([bias]));
  linearInputGradient = (_dy: number, _weight: number, rows: number, _outputs: number, inputs: number) =>
    this.one(this.activationKind(), rows * inputs);
  linearWeightGradient = (_x: number, _dy: number, _rows: number, outputs: number, inputs: number) =>
    this.one(F32, outputs * inputs);
  sumRows = (_x: number, _rows: number, columns: number) => this.one(F32, columns);
  matMul = (_a: number, _b: number, pairs: Int32Array, m: number, _k: number, n: number) =>
    this.one(F32, (pairs.length / 2) * m * n);

  reduce(_op: number, x: number, outer: number, _count: number, inner: number): number {
    const kind = this.kind(x);
    return this.one(kind === BF16 ? F32 : kind, outer * inner);
  }
  argExtreme = (_largest: boolean, x: number, outer: number, _count: number, inner: number) =>
    this.one(I32, outer * inner, this.widened([x]));
  softmax = (x: number) => this.one(F32, this.length(x));
  topK(x: number, width: number, k: number): number[] {
    const length = (this.length(x) / Math.max(width, 1)) * k;
    return this.pool.produce(
      [
        [F32, length],
        [I32, length],
      ],
      this.widened([x]),
    );
  }
  cumulativeSum = (x: number) => this.one(this.kind(x) === I32 ? I32 : F32, this.length(x), this.widened([x]));

  normalise(x: number, gamma: number, beta: number, rows: number): number[] {
    const y: Block = [this.activationKind(), this.length(x)];
    const wide = this.widened([gamma, beta]);
    if (beta >= 0) return this.pool.produce([y, [F32, rows], [F32, rows]], wide);
    return this.pool.produce([y, [F32, rows]], [...wide, [F32, 0]]);
  }
  normaliseGradient(_dy: number, x: number, gamma: number, mean: number): number[] {
    const [dx, sums]: Block[] = [
      [this.kind(x), this.length(x)],
      [F32, this.length(gamma)],
    ];
    const wide = this.widened([gamma]);
    return mean >= 0
      ? this.pool.produce([dx!, sums!, sums!], wide)
      : this.pool.produce([dx!, sums!], [...wide, [F32, 0]]);
  }
  embedding = (ids: number, table: number, width: number) =>
    this.one(this.bf16 ? this.kind(table) : F32, this.length(ids) * width);
  embeddingGradient = (_ids: number, _dy: number, rows: number, width: number) => this.one(F32, rows * width);
  rotary = (x: number, cosines: number, sines: number) =>
    this.one(this.kind(x), this.length(x), this.widened([cosines, sines]));
  dropout = (x: number) => this.one(this.kind(x), this.length(x));
  crossEntropy(_logits: number, labels: number): number[] {
    const length = this.length(labels);
    return this.pool.produce([
      [F32, length],
      [F32, length],
    ]);
  }
  crossEntropyGradient = (dloss: number, logits: number) =>
    this.one(this.kind(logits), this.length(logits), this.widened([dloss]));

  attention(q: number, k: number, v: number, call: AttentionCall): number[] {
    const { kind, copies } = this.alike([q, k, v]);
    const sums: Block = [F32, call.batch * call.numHeads * call.queries];
    return this.pool.produce([[kind, this.length(q)], sums], [...copies, ...this.smallOperands(call)]);
  }
  attentionGradient(
    dout: number,
    q: number,
    k: number,
    v: number,
    out: number,
    _sums: number,
    call: AttentionCall,
  ): number[] {
    const { kind, copies } = this.alike([q, k, v, out]);
    if (this.kind(dout) !== kind) copies.push([kind, this.length(dout)]);
    const results = [q, k, v].map((x): Block => [kind, this.length(x)]);
    const { bias, biasBatch, biasHeads, batch, numHeads, distanceBias, sinks } = call;
    const isAlone = biasBatch === batch && biasHeads === numHeads;
    if (bias >= 0) results.push([isAlone ? this.kind(bias) : F32, this.length(bias)]);
    for (const operand of [distanceBias, sinks]) if (operand >= 0) results.push([F32, this.length(operand)]);
    return this.pool.produce(results, [...copies, ...this.smallOperands(call)]);
  }

  private one(kind: number, length: number, temporary: readonly Block[] = []): number {
    return this.pool.produce([[kind, length]], temporary)[0]!;
  }

  /** Storage of results of matrix products and of saved activations. */
  private activationKind = () => (this.bf16 ? BF16 : F32);

  /** Copies in f32 of those operands that are bf16. */
  private widened = (operands: readonly number[]): Block[] =>
    operands.filter((x) => x >= 0 && this.kind(x) === BF16).map((x) => [F32, this.length(x)]);

  private smallOperands = ({ distanceBias, sinks }: AttentionCall) => this.widened([distanceBias, sinks]);

  /** Operands in one storage: bf16 if all are, else f32. */
  private alike(operands: readonly number[]): { kind: number; copies: Block[] } {
    const kind = operands.every((x) => this.kind(x) === BF16) ? BF16 : F32;
    const copies = operands.filter((x) => this.kind(x) !== kind).map((x): Block => [kind, this.length(x)]);
    return { kind, copies };
  }

  /** Elements of a result of two operands: `shapes` is empty for equal ones, else a rank and both shapes. */
  private broadcastLength(a: number, shapes: Float64Array): number {
    if (shapes.length === 0) return this.length(a);
    const [rank, ...sizes] = shapes;
    const [first, second] = [sizes.slice(0, rank), sizes.slice(rank)];
    const longest = Math.max(first.length, second.length);
    const sizeOf = (shape: number[], i: number) => shape[shape.length - longest + i] ?? 1;
    return product(
      Array.from({ length: longest }, (_, i) => {
        const size = sizeOf(first, i);
        return size === 1 ? sizeOf(second, i) : size;
      }),
    );
  }
}
