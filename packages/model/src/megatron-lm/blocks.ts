/**
 * Transformer blocks in checkpoints of Megatron-LM: the arguments that choose their parts, and the tensors of their weights.
 * Its models share them.
 */
import type { ArgumentReader } from "./arguments.ts";
import type { MegatronLmWeight } from "./format.ts";

/** Arguments that would make another model, and their only supported value besides None. */
const UNSUPPORTED: Readonly<Record<string, unknown>> = {
  squared_relu: false,
  quick_geglu: false,
  glu_activation: false,
  activation_func_clamp_value: undefined,
  glu_linear_offset: 0,
  apply_residual_connection_post_layernorm: false,
  embed_layernorm: false,
  add_qkv_bias: false,
  qk_layernorm: false,
  qk_l2_norm: false,
  softmax_type: "vanilla",
  attention_output_gate: false,
  multi_latent_attention: false,
  experimental_attention_variant: undefined,
  linear_attention_freq: undefined,
  linear_attention_type: undefined,
  window_size: undefined,
  rotary_percent: 1,
  rotary_interleaved: false,
  rotary_seq_len_interpolation_factor: undefined,
  use_rope_scaling: false,
  no_rope_freq: undefined,
  mrope_section: undefined,
  num_experts: undefined,
  mtp_num_layers: undefined,
  is_hybrid_model: false,
  hybrid_attention_ratio: 0,
  hybrid_mlp_ratio: 0,
  hybrid_override_pattern: undefined,
  hybrid_layer_pattern: undefined,
  heterogeneous_layers_config_path: undefined,
  heterogeneous_layers_config_encoded_json: undefined,
  retro_add_retriever: false,
  spec: undefined,
};

/** @throws ModelError that names the first argument that makes blocks which are not supported */
export function requireOrdinaryBlocks(args: ArgumentReader): void {
  for (const [name, value] of Object.entries(UNSUPPORTED)) {
    if (value === undefined) args.require(name);
    else args.require(name, value);
  }
}

/** Arguments that only decoders of this library support, and their only supported value besides None. */
const DECODER_ONLY: Readonly<Record<string, unknown>> = {
  normalization: "LayerNorm",
  apply_layernorm_1p: false,
  layernorm_zero_centered_gamma: false,
  group_query_attention: false,
  add_bias_linear: true,
  swiglu: false,
  position_embedding_type: "learned_absolute",
  use_rotary_position_embeddings: false,
  add_position_embedding: true,
  untie_embeddings_and_output_weights: false,
};

/**
 * Requires the blocks that encoders have: those of 2019, with learned positions and a tied head.
 * @throws ModelError that names the first argument that makes another model
 */
export function requireEncoderBlocks(args: ArgumentReader): void {
  requireOrdinaryBlocks(args);
  for (const [name, value] of Object.entries(DECODER_ONLY)) args.require(name, value);
  const headSize = args.size("hidden_size") / args.size("num_attention_heads");
  args.require("kv_channels", headSize);
  args.require("softmax_scale", 1 / Math.sqrt(headSize));
}

/**
 * GELU's tanh form where it is fused with the bias (and in 2019, which had no other), its erf form otherwise. `openai_gelu`
 * and `onnx_safe` choose a form in the classes before Megatron Core, which ignores them.
 */
export function activationOf(args: ArgumentReader, { core, biases }: { core: boolean; biases: boolean }) {
  if (!core && args.flag("openai_gelu", false)) return "gelu-tanh";
  if (!core && args.flag("onnx_safe", false)) return "gelu-erf";
  return biases && args.flag("bias_gelu_fusion", true) ? "gelu-tanh" : "gelu-erf";
}

/** Epsilon of the norms. Both of its names have been in use; some checkpoints have both. */
export function epsilonOf(args: ArgumentReader): number {
  const name = args.has("norm_epsilon") ? "norm_epsilon" : "layernorm_epsilon";
  const epsilon = args.number(name, 1e-5);
  if (args.has("layernorm_epsilon")) args.require("layernorm_epsilon", epsilon);
  return epsilon;
}

/** Whether norms store their weight minus one, under the name of either implementation. */
export const hasZeroCenteredNorms = (args: ArgumentReader): boolean =>
  args.flag("apply_layernorm_1p", false) || args.flag("layernorm_zero_centered_gamma", false);

/** Copies of the token embedding on a pipeline's last stage. */
export const embeddingCopies: ReadonlyMap<string, string> = new Map(
  ["output_layer.weight", "word_embeddings_for_head.weight"].map((name) => [name, "embedding.word_embeddings.weight"]),
);

/** Tensors of blocks that are not weights. */
export const ignoredBlockTensors: readonly RegExp[] = [
  /\._extra_state$/,
  /\.rotary_pos_emb\.inv_freq$|^rotary_pos_emb\.inv_freq$/,
  /\.attention\.masked_bias$/,
];

interface BlockFields {
  numLayers: number;
  hiddenSize: number;
  numHeads: number;
  numKeyValueHeads?: number;
  headSize?: number;
  gatedFeedForward?: boolean;
  biases?: boolean;
  norm?: string;
}

interface StackOptions {
  zeroCentered?: boolean;
  /** Prefix of all names, ours and theirs, such as "encoder.". */
  prefix?: string;
  crossAttention?: boolean;
}

/** The tensors of all layers and of the final norm, by our names. */
export function blockNames(
  { numLayers, hiddenSize, numHeads, gatedFeedForward: gated = false, ...config }: BlockFields,
  { zeroCentered = false, prefix = "", crossAttention = false }: StackOptions = {},
): Map<string, MegatronLmWeight> {
  const { biases = true, numKeyValueHeads = numHeads, headSize = hiddenSize / numHeads } = config;
  const kinds = biases ? (["weight", "bias"] as const) : (["weight"] as const);
  const found = new Map<string, MegatronLmWeight>();

  function norm(ours: string, theirs: string) {
    found.set(`${ours}.weight`, { name: `${theirs}.weight`, ...(zeroCentered && { offset: 1 }) });
    if (config.norm !== "rms") found.set(`${ours}.bias`, { name: `${theirs}.bias` });
  }
  function linear(ours: string, theirs: string, more: Omit<MegatronLmWeight, "name"> = {}) {
    for (const kind of kinds) found.set(`${ours}.${kind}`, { name: `${theirs}.${kind}`, ...more });
  }

  const queriesPerGroup = numHeads / numKeyValueHeads;
  for (let index = 0; index < numLayers; index++) {
    const layer = `${prefix}layers.${index}`;
    norm(`${layer}.attentionNorm`, `${layer}.input_layernorm`);
    for (const part of ["query", "key", "value"] as const) {
      const fused = { part, queriesPerGroup, headSize };
      linear(`${layer}.attention.${part}`, `${layer}.attention.query_key_value`, { fused });
    }
    linear(`${layer}.attention.output`, `${layer}.attention.dense`);
    // Their norms are named after the branch before them.
    if (crossAttention) {
      const own = `${layer}.inter_attention`;
      norm(`${layer}.crossAttentionNorm`, `${layer}.post_attention_layernorm`);
      linear(`${layer}.crossAttention.query`, `${own}.query`);
      for (const part of ["key", "value"] as const) {
        linear(`${layer}.crossAttention.${part}`, `${own}.key_value`, {
          fused: { part, queriesPerGroup: 0, headSize },
        });
      }
      linear(`${layer}.crossAttention.output`, `${own}.dense`);
    }
    norm(`${layer}.feedForwardNorm`, `${layer}.post_${crossAttention ? "inter_" : ""}attention_layernorm`);
    if (gated) linear(`${layer}.feedForward.gate`, `${layer}.mlp.dense_h_to_4h`, { half: 0 });
    linear(`${layer}.feedForward.input`, `${layer}.mlp.dense_h_to_4h`, gated ? { half: 1 } : {});
    linear(`${layer}.feedForward.output`, `${layer}.mlp.dense_4h_to_h`);
  }
  norm(`${prefix}finalNorm`, `${prefix}final_layernorm`);
  return found;
}
