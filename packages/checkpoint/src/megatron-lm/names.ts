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

const splits: readonly (readonly [RegExp, 0 | 1])[] = [
  [/(^|\.)(word_embeddings|output_layer)\.weight$|(^|\.)(lm_head|output_layer)\.bias$/, 0],
  [/\.(query_key_value|query|key_value|dense_h_to_4h)\.(weight|bias)$/, 0],
  [/\.linear_(qkv|q|kv|fc1)\.(weight|bias)$/, 0],
  [/attention\.dense\.weight$|\.dense_4h_to_h\.weight$|\.linear_(proj|fc2)\.weight$/, 1],
];

/**
 * The dimension along which tensor-parallel ranks hold slices, under old or new names; null where each holds the whole.
 */
export function splitOf(name: string): 0 | 1 | null {
  return splits.find(([pattern]) => pattern.test(name))?.[1] ?? null;
}

/** One weight in Megatron-LM's checkpoint. */
export interface MegatronWeight {
  name: string;
  /** Which of query (0), key (1) and value (2) of a fused weight this is. */
  fused?: 0 | 1 | 2;
}

const fused = (["query", "key", "value"] as const).flatMap((ours, index): [string, MegatronWeight][] =>
  ["weight", "bias"].map((kind) => [
    `attention.${ours}.${kind}`,
    { name: `attention.query_key_value.${kind}`, fused: index as 0 | 1 | 2 },
  ]),
);

/** Of one layer. */
const layer: [string, MegatronWeight][] = [
  ["attentionNorm.weight", { name: "input_layernorm.weight" }],
  ["attentionNorm.bias", { name: "input_layernorm.bias" }],
  ...fused,
  ["attention.output.weight", { name: "attention.dense.weight" }],
  ["attention.output.bias", { name: "attention.dense.bias" }],
  ["feedForwardNorm.weight", { name: "post_attention_layernorm.weight" }],
  ["feedForwardNorm.bias", { name: "post_attention_layernorm.bias" }],
  ["feedForward.input.weight", { name: "mlp.dense_h_to_4h.weight" }],
  ["feedForward.input.bias", { name: "mlp.dense_h_to_4h.bias" }],
  ["feedForward.output.weight", { name: "mlp.dense_4h_to_h.weight" }],
  ["feedForward.output.bias", { name: "mlp.dense_4h_to_h.bias" }],
];

/** Our name -> theirs, for a GPT of `numLayers` layers. */
export function megatronGptNames({ numLayers }: { numLayers: number }): Map<string, MegatronWeight> {
  const names = new Map<string, MegatronWeight>([
    ["tokenEmbedding.weight", { name: "embedding.word_embeddings.weight" }],
    ["positionEmbedding.weight", { name: "embedding.position_embeddings.weight" }],
    ["finalNorm.weight", { name: "final_layernorm.weight" }],
    ["finalNorm.bias", { name: "final_layernorm.bias" }],
  ]);
  for (let index = 0; index < numLayers; index++) {
    for (const [ours, theirs] of layer)
      names.set(`layers.${index}.${ours}`, { ...theirs, name: `layers.${index}.${theirs.name}` });
  }
  return names;
}
