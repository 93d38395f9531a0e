/** Names of tensors in checkpoints of Megatron-LM over the years, and how tensor parallelism splits them. Plain data. */

/** Newer names as the oldest ones. Applied in order. */
const RENAMES: readonly (readonly [RegExp, string])[] = [
  [/^language_model\./, ""],
  [/^(transformer|encoder|decoder)\./, ""],
  [/\.self_attention\./, ".attention."],
  [/\.attention\.linear_qkv\.layer_norm_/, ".input_layernorm."],
  [/\.mlp\.linear_fc1\.layer_norm_/, ".post_attention_layernorm."],
  [/\.(pre_mlp_layernorm|post_attention_norm)\./, ".post_attention_layernorm."],
  [/\.input_norm\./, ".input_layernorm."],
  [/^final_norm\./, "final_layernorm."],
  [/\.attention\.linear_qkv\./, ".attention.query_key_value."],
  [/\.attention\.linear_proj\./, ".attention.dense."],
  [/\.mlp\.linear_fc1\./, ".mlp.dense_h_to_4h."],
  [/\.mlp\.linear_fc2\./, ".mlp.dense_4h_to_h."],
  [/^lm_head\.layer_norm\./, "lm_head.layernorm."],
  [/^lm_head\.output_layer\./, "output_layer."],
  [/^output_layer\.bias$/, "lm_head.bias"],
];

/** Those of layers with cross-attention, whose norms were named after the branch before them. Applied before the others. */
const DECODER_RENAMES: typeof RENAMES = [
  [/\.pre_cross_attn_layernorm\./, ".post_attention_layernorm."],
  [/\.(pre_mlp_layernorm|post_inter_attention_norm)\./, ".post_inter_attention_layernorm."],
  [/\.mlp\.linear_fc1\.layer_norm_/, ".post_inter_attention_layernorm."],
  [/\.cross_attention\.linear_q\./, ".inter_attention.query."],
  [/\.cross_attention\.linear_kv\./, ".inter_attention.key_value."],
  [/\.cross_attention\.linear_proj\./, ".inter_attention.dense."],
];

/** Whether a model has two stacks, of which one attends to the other. */
export function hasCrossAttention(names: readonly string[]): boolean {
  return names.some((name) => /\.(inter|cross)_attention\./.test(name));
}

/**
 * A tensor's name as Megatron-LM's first version would have it: without the name of the stack, unless the model has two
 * (`crossAttention`).
 */
export function oldName(name: string, { crossAttention }: { crossAttention: boolean }): string {
  const stack = crossAttention ? /^(?:language_model\.)?(encoder|decoder)\./.exec(name)?.[1] : undefined;
  const renames = stack === "decoder" ? [...DECODER_RENAMES, ...RENAMES] : RENAMES;
  const renamed = renames.reduce((current, [from, to]) => current.replace(from, to), name);
  return stack ? `${stack}.${renamed}` : renamed;
}

/** Whether a name is one of Megatron Core's, rather than of the classes before it. */
export function isCoreName(name: string): boolean {
  return /\.linear_(qkv|proj|fc1|fc2)\./.test(name);
}

const SPLITS: readonly (readonly [RegExp, 0 | 1])[] = [
  [/(^|\.)(word_embeddings|word_embeddings_for_head|output_layer)\.weight$|(^|\.)(lm_head|output_layer)\.bias$/, 0],
  [/\.(query_key_value|query|key_value|dense_h_to_4h)\.(weight|bias)$/, 0],
  [/\.linear_(qkv|q|kv|fc1)\.(weight|bias)$/, 0],
  [/attention\.dense\.weight$|\.dense_4h_to_h\.weight$|\.linear_(proj|fc2)\.weight$/, 1],
];

/** The dimension along which tensor-parallel ranks hold slices, under old or new names; null if each holds the whole. */
export function splitOf(name: string): 0 | 1 | null {
  return SPLITS.find(([pattern]) => pattern.test(name))?.[1] ?? null;
}

/** Shape of a tensor from its slices. */
export function wholeShape(name: string, slices: readonly { readonly shape: readonly number[] }[]): number[] {
  const dimension = splitOf(name);
  const shape = [...(slices[0]?.shape ?? [])];
  if (dimension !== null && dimension < shape.length) {
    shape[dimension] = slices.reduce((sum, slice) => sum + (slice.shape[dimension] ?? 0), 0);
  }
  return shape;
}
