/** Llama's weights in Hugging Face's format: our name -> theirs. */
import type { ForeignWeight } from "../../../hugging-face/format.ts";

const norms: readonly (readonly [ours: string, theirs: string])[] = [
  ["attentionNorm", "input_layernorm"],
  ["feedForwardNorm", "post_attention_layernorm"],
];
const projections: readonly (readonly [ours: string, theirs: string])[] = [
  ["attention.query", "self_attn.q_proj"],
  ["attention.key", "self_attn.k_proj"],
  ["attention.value", "self_attn.v_proj"],
  ["attention.output", "self_attn.o_proj"],
  ["feedForward.gate", "mlp.gate_proj"],
  ["feedForward.input", "mlp.up_proj"],
  ["feedForward.output", "mlp.down_proj"],
];

/** The map for a model of `numLayers` layers. */
export function llamaNames({
  numLayers,
  biases,
  attentionBiases = biases,
  tiedEmbeddings,
}: {
  numLayers: number;
  biases: boolean;
  attentionBiases?: boolean;
  tiedEmbeddings: boolean;
}): Map<string, ForeignWeight> {
  const names = new Map<string, ForeignWeight>([
    ["tokenEmbedding.weight", { name: "model.embed_tokens.weight" }],
    ["finalNorm.weight", { name: "model.norm.weight" }],
    ...(tiedEmbeddings ? [] : [["head.weight", { name: "lm_head.weight" }] as const]),
  ]);
  for (let index = 0; index < numLayers; index++) {
    for (const [ours, theirs] of [...norms, ...projections]) {
      names.set(`layers.${index}.${ours}.weight`, { name: `model.layers.${index}.${theirs}.weight` });
    }
    for (const [ours, theirs] of projections) {
      if (!(ours.startsWith("attention.") ? attentionBiases : biases)) continue;
      names.set(`layers.${index}.${ours}.bias`, { name: `model.layers.${index}.${theirs}.bias` });
    }
  }
  return names;
}
