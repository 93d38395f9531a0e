/** T5's weights in Hugging Face's format: our name -> theirs. */
import { decoderHeadNames } from "../../hugging-face/decoder-head.ts";
import type { ForeignWeight } from "../../hugging-face/format.ts";
import type { T5Config } from "./configuration.ts";

const attentionParts = { query: "q", key: "k", value: "v", output: "o" };

/** What the name of a tensor begins with in a model that classifies. */
export const classifierPrefix = "transformer.";

export function t5Names(config: T5Config): Map<string, ForeignWeight> {
  const prefix = config.task?.kind === "sequence-classification" ? classifierPrefix : "";
  const names = new Map<string, ForeignWeight>(decoderHeadNames(config.task));
  const add = (ours: string, theirs: string) => names.set(`${ours}.weight`, { name: `${prefix}${theirs}.weight` });
  add("tokenEmbedding", "shared");
  if (!config.tiedEmbeddings) add("head", "lm_head");
  for (const stack of ["encoder", "decoder"] as const) {
    add(`${stack}.relativeBias`, `${stack}.block.0.layer.0.SelfAttention.relative_attention_bias`);
    add(`${stack}.finalNorm`, `${stack}.final_layer_norm`);
    const layers = stack === "encoder" ? config.numLayers : (config.numDecoderLayers ?? config.numLayers);
    for (let index = 0; index < layers; index++) {
      for (const [ours, theirs] of layerNames(config, stack)) {
        add(`${stack}.layers.${index}.${ours}`, `${stack}.block.${index}.layer.${theirs}`);
      }
    }
  }
  return names;
}

function layerNames({ gatedFeedForward }: T5Config, stack: "encoder" | "decoder"): [string, string][] {
  const last = stack === "encoder" ? 1 : 2;
  const attention = (ours: string, theirs: string): [string, string][] =>
    Object.entries(attentionParts).map(([part, letter]) => [`${ours}.${part}`, `${theirs}.${letter}`]);
  const feedForward: [string, string][] = gatedFeedForward
    ? [
        ["feedForward.gate", `${last}.DenseReluDense.wi_0`],
        ["feedForward.input", `${last}.DenseReluDense.wi_1`],
      ]
    : [["feedForward.input", `${last}.DenseReluDense.wi`]];
  return [
    ["attentionNorm", "0.layer_norm"],
    ...attention("attention", "0.SelfAttention"),
    ...(stack === "decoder"
      ? [
          ["crossAttentionNorm", "1.layer_norm"] as [string, string],
          ...attention("crossAttention", "1.EncDecAttention"),
        ]
      : []),
    ["feedForwardNorm", `${last}.layer_norm`],
    ...feedForward,
    ["feedForward.output", `${last}.DenseReluDense.wo`],
  ];
}
