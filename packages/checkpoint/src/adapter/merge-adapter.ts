/** The weights of a base with an adapter's products added, one tensor at a time as they are read. */
import { bytesOf, storedFloats, widen } from "../stored-floats.ts";
import type { TensorReader } from "../tensor-reader.ts";
import type { Adapter } from "./read-adapter.ts";

/** W + factor * B A for adapted weights, as float32; all others as they are. */
export function mergeAdapter(base: TensorReader, { products, replaced }: Adapter): TensorReader {
  const added = [...replaced.keys()].filter((name) => !base.names.includes(name));
  return {
    names: [...base.names, ...added],
    info(name) {
      const own = replaced.get(name);
      if (own) return { dtype: "F32", shape: own.shape };
      const { dtype, shape } = base.info(name);
      return { dtype: products.has(name) ? "F32" : dtype, shape };
    },
    read(name) {
      const own = replaced.get(name);
      if (own) return bytesOf(own.values.slice());
      const product = products.get(name);
      if (!product) return base.read(name);
      const { dtype, shape } = base.info(name);
      const merged = widen(storedFloats(base.read(name), { dtype, name })).slice();
      addProduct(merged, { ...product, inputs: shape[1]! });
      return bytesOf(merged);
    },
  };
}

function addProduct(
  weight: Float32Array,
  { a, b, rank, factor, inputs }: { a: Float32Array; b: Float32Array; rank: number; factor: number; inputs: number },
): void {
  const row = new Float64Array(inputs);
  for (let output = 0; output * inputs < weight.length; output++) {
    row.fill(0);
    for (let r = 0; r < rank; r++) {
      const scale = factor * b[output * rank + r]!;
      if (scale === 0) continue;
      for (let input = 0; input < inputs; input++) row[input]! += scale * a[r * inputs + input]!;
    }
    for (let input = 0; input < inputs; input++) weight[output * inputs + input]! += row[input]!;
  }
}
