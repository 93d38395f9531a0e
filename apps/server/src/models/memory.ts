/** How much memory a checkpoint's weights take once they are loaded. Knows nothing of caches. */
import { openModelCheckpoint } from "@megatron-ts/checkpoint";

/** Bytes of the weights, which only reads the checkpoint's lists of tensors. Throws what opening it throws. */
export function weightBytes(checkpoint: string, precision: "f32" | "bf16"): number {
  const { weights, close } = openModelCheckpoint(checkpoint);
  try {
    let bytes = 0;
    for (const name of weights.names) {
      const { shape } = weights.info(name);
      const size = precision === "bf16" && shape.length === 2 ? 2 : 4;
      bytes += size * shape.reduce((product, length) => product * length, 1);
    }
    return bytes;
  } finally {
    close();
  }
}
