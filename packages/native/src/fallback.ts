/**
 * Runs kernels that are not native: reads the inputs, computes on the `cpu` backend, writes the result back. Correct but
 * slow, so every use is counted by kernel: no training or decoding step may show up here.
 */
import * as tf from "@tensorflow/tfjs";
import type { NativeBackend } from "./backend.ts";
import { type Call, type Run, sizeOf } from "./kernel.ts";

/** The methods of the cpu backend that the fallback uses. */
interface CpuBackend {
  write(values: tf.backend_util.BackendValues, shape: number[], dtype: tf.DataType): object;
  readSync(dataId: object): tf.backend_util.BackendValues;
  disposeData(dataId: object, force?: boolean): boolean;
}

const counts = new Map<string, number>();

/** How often each kernel fell back to the cpu backend since the last reset, by name. */
export function fallbackCounts(): Record<string, number> {
  return Object.fromEntries(counts);
}

/** Sets all fallback counts to zero. */
export function resetFallbackCounts(): void {
  counts.clear();
}

function cpuBackend(): CpuBackend {
  const backend = tf.findBackend("cpu");
  if (!backend) throw new Error("the native backend needs tfjs's cpu backend for kernels that it does not implement");
  // The cpu backend's own type has no part in tfjs's declarations of backends.
  return backend as unknown as CpuBackend;
}

function toCpu(native: NativeBackend, cpu: CpuBackend, { dataId, shape, dtype }: tf.TensorInfo): tf.TensorInfo {
  const values = native.readSync(dataId);
  if (dtype !== "complex64") return { dataId: cpu.write(values, shape, dtype), shape, dtype };
  const { real, imag } = tf.backend_util.splitRealAndImagArrays(values as Float32Array);
  const part = (numbers: Float32Array): tf.TensorInfo => ({
    dataId: cpu.write(numbers, shape, "float32"),
    shape,
    dtype: "float32",
  });
  const inputs: tf.NamedTensorInfoMap = { real: part(real), imag: part(imag) };
  const joined = tf.getKernel("Complex", "cpu").kernelFunc({ inputs, backend: cpu, attrs: {} }) as tf.TensorInfo;
  cpu.disposeData(inputs.real!.dataId);
  cpu.disposeData(inputs.imag!.dataId);
  return joined;
}

/** Throws where the cpu backend computed something for arguments that it should have refused. */
function fromCpu(
  name: string,
  native: NativeBackend,
  cpu: CpuBackend,
  { dataId, shape, dtype }: tf.TensorInfo,
): tf.TensorInfo {
  const values = cpu.readSync(dataId);
  // Complex numbers are pairs.
  const count = dtype === "complex64" ? 2 * sizeOf(shape) : sizeOf(shape);
  if (values.length !== count || shape.some((size) => size < 0)) {
    throw new Error(`${name}: ${values.length} values do not fill [${shape}]`);
  }
  return { dataId: native.write(values, shape, dtype), shape, dtype };
}

/** A kernel of this name that runs on the cpu backend. */
export function fallback(name: string): Run {
  return ({ inputs, attrs, backend }: Call) => {
    counts.set(name, (counts.get(name) ?? 0) + 1);
    const cpu = cpuBackend();
    const there = Object.fromEntries(
      Object.entries(inputs)
        .filter(([, input]) => input)
        .map(([key, input]) => [key, toCpu(backend, cpu, input)]),
    );
    // Kernels that take a list of tensors are called with an array, which tfjs declares as a record too.
    const arguments_ = (Array.isArray(inputs) ? Object.values(there) : there) as tf.NamedTensorInfoMap;
    let results: tf.TensorInfo | tf.TensorInfo[] = [];
    try {
      results = tf.getKernel(name, "cpu").kernelFunc({ inputs: arguments_, attrs, backend: cpu });
      const back = [results].flat().map((result) => fromCpu(name, backend, cpu, result));
      return Array.isArray(results) ? back : back[0]!;
    } finally {
      for (const { dataId } of [...[results].flat(), ...Object.values(there)]) cpu.disposeData(dataId);
    }
  };
}
