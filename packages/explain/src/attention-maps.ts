/** Attention maps: the share of each key in what a query reads, for each head of each layer. */
import { hasLayout } from "@megatron-ts/attention";
import type * as tf from "@tensorflow/tfjs";
import type { Reading } from "./reading.ts";
import type { AttentionMap } from "./reports.ts";

/** The attention maps of all layers, in order. */
export function attentionMaps(reading: Reading): AttentionMap[] {
  const { attention } = reading.model.config;
  const maps: AttentionMap[] = [];
  reading
    .read((name, tensor) => {
      const [, layer, kind] = /^(.*)\.(probabilities|globalProbabilities)$/.exec(name) ?? [];
      if (layer === undefined) return;
      // A tensor of one row: [1, H, T, S].
      const heads = (tensor as tf.Tensor4D).arraySync()[0]!;
      if (kind === "globalProbabilities") return replaceRows(maps.at(-1)!, heads, globalTokens(reading));
      const index = Number(/(?:^|\.)layers\.(\d+)\./.exec(name)?.[1]);
      const layout = attention && hasLayout(attention, index) ? attention.layout : null;
      maps.push({ layer, layout, heads });
    })
    .dispose();
  return maps;
}

/** Global tokens with projections of their own read what these say, rather than what the layout's say. */
function replaceRows({ heads }: AttentionMap, own: readonly number[][][], positions: readonly number[]): void {
  for (const [head, rows] of own.entries()) {
    for (const [index, position] of positions.entries()) heads[head]![position] = rows[index]!;
  }
}

/** The configured global tokens within the text, each once. */
function globalTokens({ model: { config }, tokens }: Reading): number[] {
  const configured = config.attention?.layout === "local" ? config.attention.globalTokens : undefined;
  return [...new Set(configured)].filter((position) => position < tokens.length);
}
