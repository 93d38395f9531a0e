/** The weights of Llama and its successors in Hugging Face's format: our name -> theirs, for the parts that are there. */

import type { ForeignWeight } from "../../../hugging-face/format.ts";
import type { GptConfig } from "../configuration.ts";
import { classifierNames } from "./classifier.ts";

type Pairs = readonly (readonly [ours: string, theirs: string])[];

const norms: Pairs = [
  ["attentionNorm", "input_layernorm"],
  ["feedForwardNorm", "post_attention_layernorm"],
];
/** With norms behind the branches too. */
const outputNorms: Pairs = [
  ["attentionNorm", "input_layernorm"],
  ["attentionOutputNorm", "post_attention_layernorm"],
  ["feedForwardNorm", "pre_feedforward_layernorm"],
  ["feedForwardOutputNorm", "post_feedforward_layernorm"],
];
const queryKeyNorms: Pairs = [
  ["attention.queryNorm", "self_attn.q_norm"],
  ["attention.keyNorm", "self_attn.k_norm"],
];
const attentionInputs: Pairs = [
  ["attention.query", "self_attn.q_proj"],
  ["attention.key", "self_attn.k_proj"],
  ["attention.value", "self_attn.v_proj"],
];
const attentionOutput: Pairs = [["attention.output", "self_attn.o_proj"]];
const feedForward: Pairs = [
  ["feedForward.gate", "mlp.gate_proj"],
  ["feedForward.input", "mlp.up_proj"],
  ["feedForward.output", "mlp.down_proj"],
];

/** The map for a model of that configuration. */
export function decoderNames(config: GptConfig): Map<string, ForeignWeight> {
  const { numLayers, tiedEmbeddings, biases, attentionBiases = biases, attentionOutputBias = attentionBiases } = config;
  const weights = [
    ...(config.outputNorms ? outputNorms : norms),
    ...(config.queryKeyNorm ? queryKeyNorms : []),
    ...[attentionInputs, attentionOutput, feedForward].flat(),
  ];
  const withBias = [
    ...(attentionBiases ? attentionInputs : []),
    ...(attentionOutputBias ? attentionOutput : []),
    ...(biases ? feedForward : []),
  ];
  const names = new Map<string, ForeignWeight>([
    ["tokenEmbedding.weight", { name: "model.embed_tokens.weight" }],
    ["finalNorm.weight", { name: "model.norm.weight" }],
    ...(tiedEmbeddings ? [] : [["head.weight", { name: "lm_head.weight" }] as const]),
    ...classifierNames(config.task),
  ]);
  for (let index = 0; index < numLayers; index++) {
    const add = ([ours, theirs]: Pairs[number], kind: "weight" | "bias") =>
      names.set(`layers.${index}.${ours}.${kind}`, { name: `model.layers.${index}.${theirs}.${kind}` });
    for (const pair of weights) add(pair, "weight");
    for (const pair of withBias) add(pair, "bias");
  }
  return names;
}
