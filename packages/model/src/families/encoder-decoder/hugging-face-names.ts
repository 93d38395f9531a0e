/** BART's weights in Hugging Face's format: our name -> theirs. */
import { decoderHeadNames } from "../../hugging-face/decoder-head.ts";
import type { ForeignWeight } from "../../hugging-face/format.ts";
import type { EncoderDecoderConfig } from "./configuration.ts";

export const embeddingName = "model.shared.weight";
export const logitsBiasName = "final_logits_bias";

const attention = (ours: string, theirs: string): (readonly [string, string])[] => [
  [`${ours}.query`, `${theirs}.q_proj`],
  [`${ours}.key`, `${theirs}.k_proj`],
  [`${ours}.value`, `${theirs}.v_proj`],
  [`${ours}.output`, `${theirs}.out_proj`],
  [`${ours}Norm`, `${theirs}_layer_norm`],
];

const encoderLayer = [
  ...attention("attention", "self_attn"),
  ["feedForward.input", "fc1"],
  ["feedForward.output", "fc2"],
  ["feedForwardNorm", "final_layer_norm"],
] as const;
const decoderLayer = [...encoderLayer, ...attention("crossAttention", "encoder_attn")];

/** The map for a model of that configuration. */
export function bartNames(config: EncoderDecoderConfig): Map<string, ForeignWeight> {
  const { numLayers, numDecoderLayers = numLayers, vocabularySize, logitsBias } = config;
  const names = new Map<string, ForeignWeight>([
    ["tokenEmbedding.weight", { name: embeddingName }],
    ...decoderHeadNames(config.task),
  ]);
  const both = (ours: string, theirs: string) => {
    for (const kind of ["weight", "bias"]) names.set(`${ours}.${kind}`, { name: `model.${theirs}.${kind}` });
  };
  for (const [stack, count, layer] of [
    ["encoder", numLayers, encoderLayer],
    ["decoder", numDecoderLayers, decoderLayer],
  ] as const) {
    names.set(`${stack}.positionEmbedding.weight`, { name: `model.${stack}.embed_positions.weight` });
    both(`${stack}.embeddingNorm`, `${stack}.layernorm_embedding`);
    for (let index = 0; index < count; index++) {
      for (const [ours, theirs] of layer)
        both(`${stack}.layers.${index}.${ours}`, `${stack}.layers.${index}.${theirs}`);
    }
  }
  if (logitsBias) names.set("head.bias", { name: logitsBiasName, shape: [1, vocabularySize], vector: true });
  return names;
}
