/**
 * GPT in checkpoints of Megatron-LM, by the arguments of 2019 (v1.0) to today (Megatron Core): learned or rotary positions,
 * layer or RMS norm, GELU or SwiGLU, grouped queries, with or without biases, tied or untied. What this library's GPT cannot
 * compute is rejected by the name of its argument.
 */

import { type ArgumentReader, readArguments } from "../../megatron-lm/arguments.ts";
import type {
  MegatronLmArguments,
  MegatronLmContext,
  MegatronLmFormat,
  MegatronLmWeight,
} from "../../megatron-lm/format.ts";
import type { GptConfig, GptConfigInput } from "./configuration.ts";

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

/** GPT's checkpoints in Megatron-LM. */
export const gptMegatronLmFormat: MegatronLmFormat<GptConfig, GptConfigInput> = {
  modelType: "GPT",
  supports: (names) =>
    !names.some((name) => /tokentype_embeddings|binary_head|pooler|lm_head|(inter|cross)_attention/.test(name)),
  fromMegatronLm,
  names,
  copies(args) {
    const untied = readArguments(args).flag("untie_embeddings_and_output_weights", false);
    const copies = untied ? [] : ["output_layer.weight", "word_embeddings_for_head.weight"];
    return new Map(copies.map((name) => [name, "embedding.word_embeddings.weight"]));
  },
  ignoredTensors: [
    /\._extra_state$/,
    /\.rotary_pos_emb\.inv_freq$|^rotary_pos_emb\.inv_freq$/,
    /\.attention\.masked_bias$/,
  ],
};

function fromMegatronLm(all: MegatronLmArguments, { vocabularySize, core }: MegatronLmContext): GptConfigInput {
  const args = readArguments(all);
  for (const [name, value] of Object.entries(UNSUPPORTED)) {
    if (value === undefined) args.require(name);
    else args.require(name, value);
  }
  const hiddenSize = args.size("hidden_size");
  const numHeads = args.size("num_attention_heads");
  const headSize = args.size("kv_channels", hiddenSize / numHeads);
  if (args.has("softmax_scale") && Math.abs(args.number("softmax_scale") * Math.sqrt(headSize) - 1) > 1e-6) {
    args.reject("softmax_scale", `None or 1 / sqrt(${headSize})`);
  }
  const biases = args.flag("add_bias_linear", true);
  const gated = args.flag("swiglu", false);
  return {
    family: "gpt",
    numLayers: args.size("num_layers"),
    hiddenSize,
    numHeads,
    numKeyValueHeads: args.flag("group_query_attention", false) ? args.size("num_query_groups") : numHeads,
    headSize,
    feedForwardSize: args.size("ffn_hidden_size", 4 * hiddenSize),
    gatedFeedForward: gated,
    activation: gated ? "silu" : activationOf(args, { core, biases }),
    ...positionsOf(args),
    maxPositions: args.size("max_position_embeddings"),
    vocabularySize,
    norm: args.oneOf("normalization", ["LayerNorm", "RMSNorm"], "LayerNorm") === "RMSNorm" ? "rms" : "layer",
    normEpsilon: epsilonOf(args),
    biases,
    tiedEmbeddings: !args.flag("untie_embeddings_and_output_weights", false),
    dropout: args.number("hidden_dropout", 0.1),
    attentionDropout: args.number("attention_dropout", 0.1),
  };
}

/**
 * GELU's tanh form where it is fused with the bias (and in 2019, which had no other), its erf form otherwise. `openai_gelu`
 * and `onnx_safe` choose a form in the classes before Megatron Core, which ignores them.
 */
function activationOf(args: ArgumentReader, { core, biases }: { core: boolean; biases: boolean }) {
  if (!core && args.flag("openai_gelu", false)) return "gelu-tanh";
  if (!core && args.flag("onnx_safe", false)) return "gelu-erf";
  return biases && args.flag("bias_gelu_fusion", true) ? "gelu-tanh" : "gelu-erf";
}

function positionsOf(args: ArgumentReader): Pick<GptConfigInput, "positions" | "rotaryTheta"> {
  const rotary = args.flag("use_rotary_position_embeddings", false);
  const type = args.oneOf("position_embedding_type", ["learned_absolute", "rope"], "learned_absolute");
  if (rotary || type === "rope") return { positions: "rotary", rotaryTheta: args.number("rotary_base", 10_000) };
  args.require("add_position_embedding", true);
  return { positions: "learned" };
}

/** Both names have been in use; some checkpoints have both. */
function epsilonOf(args: ArgumentReader): number {
  const name = args.has("norm_epsilon") ? "norm_epsilon" : "layernorm_epsilon";
  const epsilon = args.number(name, 1e-5);
  if (args.has("layernorm_epsilon")) args.require("layernorm_epsilon", epsilon);
  return epsilon;
}

function names(all: MegatronLmArguments, config: GptConfig): Map<string, MegatronLmWeight> {
  const args = readArguments(all);
  // Norms that store their weight minus one, under the name of either implementation.
  const zeroCentered = args.flag("apply_layernorm_1p", false) || args.flag("layernorm_zero_centered_gamma", false);
  const { biases, numHeads, numKeyValueHeads = numHeads, headSize = config.hiddenSize / numHeads } = config;
  const kinds = biases ? (["weight", "bias"] as const) : (["weight"] as const);
  const found = new Map<string, MegatronLmWeight>();

  function norm(ours: string, theirs: string) {
    found.set(`${ours}.weight`, { name: `${theirs}.weight`, ...(zeroCentered && { offset: 1 }) });
    if (config.norm !== "rms") found.set(`${ours}.bias`, { name: `${theirs}.bias` });
  }
  function linear(ours: string, theirs: string, more: Omit<MegatronLmWeight, "name"> = {}) {
    for (const kind of kinds) found.set(`${ours}.${kind}`, { name: `${theirs}.${kind}`, ...more });
  }

  found.set("tokenEmbedding.weight", { name: "embedding.word_embeddings.weight" });
  if (config.positions !== "rotary") {
    found.set("positionEmbedding.weight", { name: "embedding.position_embeddings.weight" });
  }
  const queriesPerGroup = numHeads / numKeyValueHeads;
  for (let index = 0; index < config.numLayers; index++) {
    const layer = `layers.${index}`;
    norm(`${layer}.attentionNorm`, `${layer}.input_layernorm`);
    for (const part of ["query", "key", "value"] as const) {
      const fused = { part, queriesPerGroup, headSize };
      linear(`${layer}.attention.${part}`, `${layer}.attention.query_key_value`, { fused });
    }
    linear(`${layer}.attention.output`, `${layer}.attention.dense`);
    norm(`${layer}.feedForwardNorm`, `${layer}.post_attention_layernorm`);
    const { gatedFeedForward: gated } = config;
    if (gated) linear(`${layer}.feedForward.gate`, `${layer}.mlp.dense_h_to_4h`, { half: 0 });
    linear(`${layer}.feedForward.input`, `${layer}.mlp.dense_h_to_4h`, gated ? { half: 1 } : {});
    linear(`${layer}.feedForward.output`, `${layer}.mlp.dense_4h_to_h`);
  }
  norm("finalNorm", "final_layernorm");
  if (config.tiedEmbeddings === false) found.set("head.weight", { name: "output_layer.weight" });
  return found;
}
