/**
 * The tfjs backend: reference-counted data ids over the engine's handles. Kernels are thin functions in `kernels/`: they
 * get handles from `handleOf` and return results through `output` and `share`.
 */
import type { CaptureBackend, OverwriteBackend, Precision, Storage, StorageBackend } from "@megatron-ts/ops";
import * as tf from "@tensorflow/tfjs";
import { Recorder } from "./capture.ts";
import type { Engine, NativeAddon } from "./native-addon.ts";
import { type Handle, type HostValues, isHostType, KIND_OF, type NativeData, NativeDataId } from "./native-data.ts";

/** Bytes that are not worth reporting to the garbage collector. */
const UNREPORTED_BYTES = 1 << 24;
/** Tensors created before a decrease is reported: a few training steps, so that fluctuations within a step are not. */
const REPORT_INTERVAL = 1 << 14;

/** The backend that `loadNative` registers. */
export class NativeBackend extends tf.KernelBackend implements StorageBackend, CaptureBackend, OverwriteBackend {
  readonly engine: Engine;
  readonly kinds: Readonly<Record<string, number>>;
  /** Data ids of other backends, for tensors that moved here. */
  private readonly moved = new WeakMap<object, NativeData>();
  /** Frees tensors that were never disposed, when their data id is collected. */
  private readonly lost = new FinalizationRegistry<NativeData>((data) => this.release(data));
  private readonly recorder = new Recorder(this);
  private dataCount = 0;
  private liveBytes = 0;
  private reportedBytes = 0;
  /** Peak of bytes in use, and tensors created, since the last time a decrease was considered. */
  private recentPeak = 0;
  private recentCount = 0;

  constructor(addon: NativeAddon, { threads }: { threads: number }) {
    super();
    this.engine = new addon.Engine(threads);
    this.kinds = Object.fromEntries(addon.kinds().map((name, number) => [name, number]));
  }

  dataOf(dataId: object): NativeData {
    if (dataId instanceof NativeDataId) return dataId.data;
    const known = this.moved.get(dataId);
    if (known) return known;
    // It lives in another backend: tfjs reads it there and calls `move` here.
    tf.engine().moveData(this, dataId);
    return this.moved.get(dataId)!;
  }

  /** The engine's handle for a tensor. */
  handleOf({ dataId }: { dataId: object }): Handle {
    return dataId instanceof NativeDataId ? dataId.data.handle : this.dataOf(dataId).handle;
  }

  /** The same, or -1 if there is no tensor. */
  handleOrNone(tensor: { dataId: object } | null | undefined): Handle {
    return tensor ? this.handleOf(tensor) : -1;
  }

  /** Wraps a new tensor of the engine as kernels return it. */
  output(handle: Handle, shape: number[], dtype: tf.DataType = "float32"): tf.TensorInfo {
    if (!isShape(shape)) {
      this.engine.free(handle);
      throw new Error(`[${shape}] is not a shape`);
    }
    const bytes = tf.util.sizeFromShape(shape) * (dtype === "bool" ? 1 : 4);
    return { dataId: this.register({ handle, host: null, dtype, bytes, refCount: 1 }), shape, dtype };
  }

  /** Another tensor of the same memory, with its own shape. */
  share({ dataId, dtype }: tf.TensorInfo, shape: number[]): tf.TensorInfo {
    if (!isShape(shape)) throw new Error(`[${shape}] is not a shape`);
    this.dataOf(dataId).refCount++;
    return { dataId, shape, dtype };
  }

  private register(data: NativeData): NativeDataId {
    const dataId = new NativeDataId(data);
    this.dataCount++;
    this.lost.register(dataId, data, data);
    this.report(data.bytes);
    return dataId;
  }

  /**
   * Reports native memory to the garbage collector when it has grown by a quarter, or stayed below half for long. Every
   * report may start a collection: steps that allocate and dispose the same again must not cause one, tensors that are
   * never disposed must.
   */
  private report(bytes: number): void {
    this.liveBytes += bytes;
    this.recentPeak = Math.max(this.recentPeak, this.liveBytes);
    if (this.liveBytes > 1.25 * this.reportedBytes + UNREPORTED_BYTES) this.adjust(this.liveBytes);
    if (bytes <= 0 || ++this.recentCount < REPORT_INTERVAL) return;
    if (2 * this.recentPeak < this.reportedBytes) this.adjust(this.recentPeak);
    this.recentPeak = this.liveBytes;
    this.recentCount = 0;
  }

  private adjust(bytes: number): void {
    this.engine.adjustExternalMemory(bytes - this.reportedBytes);
    this.reportedBytes = bytes;
  }

  private release(data: NativeData): void {
    if (data.refCount < 0) return;
    data.refCount = -1;
    this.dataCount--;
    this.lost.unregister(data);
    this.report(-data.bytes);
    if (data.handle >= 0) this.engine.free(data.handle);
    data.handle = -1;
  }

  private create(values: tf.backend_util.BackendValues | null, shape: number[], dtype: tf.DataType): NativeData {
    const size = tf.util.sizeFromShape(shape);
    if (isHostType(dtype)) return { handle: -1, host: values as HostValues, dtype, bytes: 0, refCount: 1 };
    if (values) this.recorder.sawNumbers(dtype, size);
    const kind = this.kinds[KIND_OF[dtype as keyof typeof KIND_OF]]!;
    const bytes = size * (dtype === "bool" ? 1 : 4);
    const handle = values ? this.engine.create(kind, bytesOf(values, dtype)) : this.engine.fill(kind, size, 0);
    return { handle, host: null, dtype, bytes, refCount: 1 };
  }

  override write(values: tf.backend_util.BackendValues, shape: number[], dtype: tf.DataType): object {
    return this.register(this.create(values, shape, dtype));
  }

  override move(
    dataId: object,
    values: tf.backend_util.BackendValues,
    shape: number[],
    dtype: tf.DataType,
    refCount: number,
  ): void {
    const data = this.create(values, shape, dtype);
    data.refCount = refCount;
    this.moved.set(dataId, data);
    this.dataCount++;
    this.lost.register(dataId, data, data);
    this.report(data.bytes);
  }

  override readSync(dataId: object): tf.backend_util.BackendValues {
    const { handle, host, dtype } = this.dataOf(dataId);
    if (host) return host as tf.backend_util.BackendValues;
    const bytes = this.engine.read(handle);
    if (dtype === "int32") return new Int32Array(bytes);
    return dtype === "bool" ? new Uint8Array(bytes) : new Float32Array(bytes);
  }

  override async read(dataId: object): Promise<tf.backend_util.BackendValues> {
    return this.readSync(dataId);
  }

  override disposeData(dataId: object, force = false): boolean {
    const data = dataId instanceof NativeDataId ? dataId.data : this.moved.get(dataId);
    if (!data || data.refCount < 0) return true;
    data.refCount--;
    if (!force && data.refCount > 0) return false;
    this.release(data);
    this.moved.delete(dataId);
    return true;
  }

  override refCount(dataId: object): number {
    return Math.max(this.dataOf(dataId).refCount, 0);
  }

  override incRef(dataId: object): void {
    this.dataOf(dataId).refCount++;
  }

  override numDataIds(): number {
    return this.dataCount;
  }

  /** `peakBytes` of tensors in memory at once, since the start. `tf.memory()` passes it on. */
  override memory(): { unreliable: boolean; peakBytes: number } {
    return { unreliable: false, peakBytes: this.engine.memory().peak };
  }

  override floatPrecision(): 16 | 32 {
    return 32;
  }

  override epsilon(): number {
    return 1e-7;
  }

  override timerAvailable(): boolean {
    return true;
  }

  override async time(f: () => void): Promise<tf.TimingInfo> {
    const start = performance.now();
    f();
    return { kernelMs: performance.now() - start } as tf.TimingInfo;
  }

  override dispose(): void {
    this.engine.trim();
  }

  storageOf(dataId: object): Storage {
    const { handle } = this.dataOf(dataId);
    return this.engine.kind(handle) === this.kinds.bf16 ? "bf16" : "f32";
  }

  store(dataId: object, storage: Storage): void {
    const { handle, dtype } = this.dataOf(dataId);
    if (dtype !== "float32") throw new Error(`a tensor of type ${dtype} cannot be stored as ${storage}`);
    this.engine.store(handle, this.kinds[storage]!);
  }

  overwrite(dataId: object, values: Int32Array | Float32Array): void {
    this.engine.overwrite(this.dataOf(dataId).handle, bytesOf(values, this.dataOf(dataId).dtype));
  }

  capture(f: () => tf.Tensor[]) {
    return this.recorder.capture(f);
  }

  /** Tells a recording that an attribute changes from run to run. */
  refuseCapture(reason: string): void {
    this.recorder.refuse(reason);
  }

  asConstant<T>(f: () => T): T {
    return this.recorder.asConstant(f);
  }

  setPrecision(precision: Precision): Precision {
    return this.engine.setBf16(precision === "bf16") ? "bf16" : "f32";
  }
}

function isShape(shape: readonly number[]): boolean {
  for (const size of shape) if (!Number.isInteger(size) || size < 0) return false;
  return true;
}

/** Values as the bytes of their type. */
function bytesOf(values: tf.backend_util.BackendValues, dtype: tf.DataType): Uint8Array {
  const typed = tf.util.toTypedArray(values as Float32Array, dtype as "float32" | "int32" | "bool");
  return new Uint8Array(typed.buffer, typed.byteOffset, typed.byteLength);
}
