/**
 * Layer-wise decay of the learning rate (Howard and Ruder 2018; Clark et al. 2020): layers near the input, which hold what is
 * general, learn more slowly than those near the output.
 */
import type { Parameters } from "@megatron-ts/parallel";

const layer = /^(.*?)layers\.(\d+)\./;

/**
 * The factor of each parameter's rate: `decay` to the power of the layers above it, counting its own; the embeddings lie below
 * the first layer, and whatever follows the last has the full rate.
 */
export function layerRates(parameters: Parameters, decay: number): (name: string) => number {
  const counts = new Map<string, number>();
  for (const name of parameters.keys()) {
    const [, stack, index] = layer.exec(name) ?? [];
    if (stack !== undefined) counts.set(stack, Math.max(counts.get(stack) ?? 0, Number(index) + 1));
  }
  const deepest = Math.max(0, ...counts.values());
  return (name) => {
    const [, stack, index] = layer.exec(name) ?? [];
    if (stack !== undefined) return decay ** (counts.get(stack)! - Number(index));
    return /embedding/i.test(name) ? decay ** (deepest + 1) : 1;
  };
}
