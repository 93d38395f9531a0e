import { describe, expect, it } from "vitest";
import { ModelError } from "../../errors.ts";
import { gptConfigSchema } from "./configuration.ts";
import { gptMegatronLmFormat as format } from "./megatron-lm.ts";

/** Arguments of 2019. */
const oldest = {
  num_layers: 2,
  hidden_size: 32,
  num_attention_heads: 4,
  max_position_embeddings: 24,
  layernorm_epsilon: 1e-5,
  hidden_dropout: 0.1,
  attention_dropout: 0.1,
};

const read = (args: object, { core = true } = {}) =>
  format.fromMegatronLm(new Map(Object.entries({ ...oldest, ...args })), { vocabularySize: 50, core });

describe("arguments of a GPT", () => {
  it("of 2019 have defaults", () => {
    expect(read({}, { core: false })).toMatchObject({
      numLayers: 2,
      headSize: 8,
      numKeyValueHeads: 4,
      feedForwardSize: 128,
      activation: "gelu-tanh",
      positions: "learned",
      norm: "layer",
      biases: true,
      tiedEmbeddings: true,
      vocabularySize: 50,
    });
  });

  it.each<[object, object]>([
    [{ group_query_attention: true, num_query_groups: 2 }, { numKeyValueHeads: 2 }],
    [{ group_query_attention: false, num_query_groups: 1 }, { numKeyValueHeads: 4 }],
    [{ kv_channels: 5 }, { headSize: 5 }],
    [
      { swiglu: true, ffn_hidden_size: 80 },
      { gatedFeedForward: true, activation: "silu", feedForwardSize: 80 },
    ],
    [
      { position_embedding_type: "rope", rotary_base: 5e5 },
      { positions: "rotary", rotaryTheta: 5e5 },
    ],
    [{ use_rotary_position_embeddings: true, add_position_embedding: false }, { positions: "rotary" }],
    [{ normalization: "RMSNorm" }, { norm: "rms" }],
    [{ layernorm_epsilon: null, norm_epsilon: 1e-6 }, { normEpsilon: 1e-6 }],
    [{ layernorm_epsilon: 1e-6, norm_epsilon: 1e-6 }, { normEpsilon: 1e-6 }],
    [{ untie_embeddings_and_output_weights: true }, { tiedEmbeddings: false }],
    [
      { add_bias_linear: false, bias_gelu_fusion: true },
      { biases: false, activation: "gelu-erf" },
    ],
    [{ bias_gelu_fusion: false }, { activation: "gelu-erf" }],
    [{ bias_gelu_fusion: true }, { activation: "gelu-tanh" }],
    // Megatron Core ignores it.
    [{ bias_gelu_fusion: false, openai_gelu: true }, { activation: "gelu-erf" }],
    [{ softmax_scale: 1 / Math.sqrt(8) }, {}],
    [{ softmax_scale: null, window_size: null, num_experts: null, rotary_percent: 1, softmax_type: "vanilla" }, {}],
  ])("%j become %j", (args, config) => {
    expect(read(args)).toMatchObject(config);
    expect(gptConfigSchema.safeParse(read(args)).success).toBe(true);
  });

  it("choose the form of GELU in the classes before Megatron Core", () => {
    expect(read({ bias_gelu_fusion: false, openai_gelu: true }, { core: false })).toMatchObject({
      activation: "gelu-tanh",
    });
    expect(read({ bias_gelu_fusion: true, onnx_safe: true }, { core: false })).toMatchObject({
      activation: "gelu-erf",
    });
  });

  it.each<[string, unknown]>([
    ["squared_relu", true],
    ["quick_geglu", true],
    ["apply_residual_connection_post_layernorm", true],
    ["add_qkv_bias", true],
    ["qk_layernorm", true],
    ["softmax_scale", 0.1],
    ["softmax_type", "learnable"],
    ["multi_latent_attention", true],
    ["window_size", [128, 0]],
    ["window_size", new Map()],
    ["rotary_percent", 0.5],
    ["rotary_interleaved", true],
    ["rotary_seq_len_interpolation_factor", 4],
    ["use_rope_scaling", true],
    ["position_embedding_type", "none"],
    ["position_embedding_type", "yarn"],
    ["add_position_embedding", false],
    ["normalization", "L2Norm"],
    ["num_experts", 8],
    ["mtp_num_layers", 1],
    ["is_hybrid_model", true],
    ["spec", ["megatron.core.models.mamba", "stack"]],
    ["norm_epsilon", 1e-3],
    ["swiglu", "yes"],
    ["num_layers", 2.5],
    ["num_layers", "two"],
    ["hidden_size", null],
    ["layernorm_epsilon", Number.NaN],
  ])("are rejected by name: %s = %o", (name, value) => {
    expect(() => read({ [name]: value })).toThrow(ModelError);
    expect(() => read({ [name]: value })).toThrow(/args\.(layernorm_epsilon|\w+)/);
    const reported = name === "norm_epsilon" ? "layernorm_epsilon" : name;
    expect(() => read({ [name]: value })).toThrow(`args.${reported} `);
  });
});

describe("tensors of a GPT", () => {
  const namesOf = (args: object) => {
    const all = new Map<string, unknown>(Object.entries({ ...oldest, ...args }));
    const config = gptConfigSchema.parse(format.fromMegatronLm(all, { vocabularySize: 50, core: true }));
    return format.names(all, config);
  };

  it("add one to norms that store their weight minus one", () => {
    const names = namesOf({ apply_layernorm_1p: true });
    expect(names.get("layers.1.attentionNorm.weight")).toMatchObject({ offset: 1 });
    expect(names.get("finalNorm.weight")).toMatchObject({ offset: 1 });
    expect(names.get("finalNorm.bias")).not.toHaveProperty("offset");
    expect(namesOf({}).get("finalNorm.weight")).not.toHaveProperty("offset");
  });

  it("share a tensor between queries, keys and values, and between gate and input", () => {
    const names = namesOf({ swiglu: true, group_query_attention: true, num_query_groups: 2 });
    const name = "layers.0.attention.query_key_value.weight";
    const layout = { queriesPerGroup: 2, headSize: 8 };
    expect(names.get("layers.0.attention.key.weight")).toEqual({ name, fused: { part: "key", ...layout } });
    expect(names.get("layers.0.feedForward.gate.weight")).toMatchObject({ half: 0 });
    expect(names.get("layers.0.feedForward.input.weight")).toMatchObject({ half: 1 });
  });
});
