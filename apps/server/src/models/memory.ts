/** How much memory the weights of a model and its draft take once they are loaded. Knows nothing of caches. */
import { openModelCheckpoint } from "@megatron-ts/checkpoint";

/** Bytes of a model's weights and its draft's, which only reads the lists of tensors. Throws what opening them throws. */
export const weightBytes = (
  { checkpoint, draft }: { checkpoint: string; draft?: { checkpoint: string } },
  precision: "f32" | "bf16",
): number => bytesIn(checkpoint, precision) + (draft ? bytesIn(draft.checkpoint, precision) : 0);

function bytesIn(checkpoint: string, precision: "f32" | "bf16"): number {
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
