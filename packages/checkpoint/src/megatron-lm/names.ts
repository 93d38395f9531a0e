/** Where our weights lie in Megatron-LM's checkpoints, and how they are split there: plain data. */

/** Megatron-LM has had several names for the same weight: the newer ones as the older. Applied in turn. */
export const renames: readonly (readonly [RegExp, string])[] = [
  [/^language_model\./, ""],
  [/^(transformer|encoder|decoder)\./, ""],
  [/\.self_attention\./, ".attention."],
  [/\.linear_qkv\.layer_norm_/, ".input_layernorm."],
  [/\.attention\.input_layernorm\./, ".input_layernorm."],
  [/\.mlp\.linear_fc1\.layer_norm_/, ".post_attention_layernorm."],
  [/\.pre_mlp_layernorm\./, ".post_attention_layernorm."],
  [/\.attention\.linear_qkv\./, ".attention.query_key_value."],
  [/\.attention\.linear_proj\./, ".attention.dense."],
  [/\.mlp\.linear_fc1\./, ".mlp.dense_h_to_4h."],
  [/\.mlp\.linear_fc2\./, ".mlp.dense_4h_to_h."],
];

/** One weight in Megatron-LM's checkpoint. */
export interface MegatronWeight {
  name: string;
  /** The dimension along which tensor-parallel ranks hold slices; null where each holds the whole. */
  split: 0 | 1 | null;
  /** Which of query (0), key (1) and value (2) of a fused weight this is. */
  fused?: 0 | 1 | 2;
}

const fused = (["query", "key", "value"] as const).flatMap((ours, index): [string, MegatronWeight][] =>
  ["weight", "bias"].map((kind) => [
    `attention.${ours}.${kind}`,
    { name: `attention.query_key_value.${kind}`, split: 0, fused: index as 0 | 1 | 2 },
  ]),
);

/** Of one layer. */
const layer: [string, MegatronWeight][] = [
  ["attentionNorm.weight", { name: "input_layernorm.weight", split: null }],
  ["attentionNorm.bias", { name: "input_layernorm.bias", split: null }],
  ...fused,
  ["attention.output.weight", { name: "attention.dense.weight", split: 1 }],
  ["attention.output.bias", { name: "attention.dense.bias", split: null }],
  ["feedForwardNorm.weight", { name: "post_attention_layernorm.weight", split: null }],
  ["feedForwardNorm.bias", { name: "post_attention_layernorm.bias", split: null }],
  ["feedForward.input.weight", { name: "mlp.dense_h_to_4h.weight", split: 0 }],
  ["feedForward.input.bias", { name: "mlp.dense_h_to_4h.bias", split: 0 }],
  ["feedForward.output.weight", { name: "mlp.dense_4h_to_h.weight", split: 1 }],
  ["feedForward.output.bias", { name: "mlp.dense_4h_to_h.bias", split: null }],
];

/** Our name -> theirs, for a GPT of `numLayers` layers. */
export function megatronGptNames({ numLayers }: { numLayers: number }): Map<string, MegatronWeight> {
  const names = new Map<string, MegatronWeight>([
    ["tokenEmbedding.weight", { name: "embedding.word_embeddings.weight", split: 0 }],
    ["positionEmbedding.weight", { name: "embedding.position_embeddings.weight", split: null }],
    ["finalNorm.weight", { name: "final_layernorm.weight", split: null }],
    ["finalNorm.bias", { name: "final_layernorm.bias", split: null }],
  ]);
  for (let index = 0; index < numLayers; index++) {
    for (const [ours, theirs] of layer)
      names.set(`layers.${index}.${ours}`, { ...theirs, name: `layers.${index}.${theirs.name}` });
  }
  return names;
}
