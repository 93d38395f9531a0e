import { describe, expect, it } from "vitest";
import { ModelError } from "../../errors.ts";
import { bertMegatronLmFormat as format } from "./megatron-lm.ts";

const common = {
  num_layers: 2,
  hidden_size: 32,
  num_attention_heads: 4,
  max_position_embeddings: 24,
  openai_gelu: false,
};

const read = (args: object, { core = true } = {}) =>
  format.fromMegatronLm(new Map(Object.entries({ ...common, ...args })), { vocabularySize: 50, core });

describe("arguments of a BERT", () => {
  it.each<[object, object, boolean]>([
    [{}, { normPlacement: "pre", numTokenTypes: 2, activation: "gelu-tanh", headActivation: "gelu-erf" }, true],
    [{ bias_gelu_fusion: false }, { activation: "gelu-erf", headActivation: "gelu-erf" }, true],
    [{ openai_gelu: true }, { activation: "gelu-tanh", headActivation: "gelu-erf" }, true],
    [{ openai_gelu: true }, { activation: "gelu-tanh", headActivation: "gelu-tanh" }, false],
    [
      { bert_binary_head: false },
      { numTokenTypes: 0, heads: { pooler: false, languageModel: true, pair: false } },
      true,
    ],
    [{ kv_channels: 8, norm_epsilon: 1e-6 }, { normEpsilon: 1e-6 }, true],
  ])("%j", (args, expected, core) => {
    expect(read(args, { core })).toMatchObject(expected);
  });

  it.each<[object, RegExp]>([
    [{ normalization: "RMSNorm" }, /args\.normalization/],
    [{ apply_layernorm_1p: true }, /args\.apply_layernorm_1p/],
    [{ group_query_attention: true }, /args\.group_query_attention/],
    [{ kv_channels: 5 }, /args\.kv_channels/],
    [{ swiglu: true }, /args\.swiglu/],
    [{ add_bias_linear: false }, /args\.add_bias_linear/],
    [{ position_embedding_type: "rope" }, /args\.position_embedding_type/],
    [{ untie_embeddings_and_output_weights: true }, /args\.untie_embeddings_and_output_weights/],
    [{ squared_relu: true }, /args\.squared_relu/],
    [{ bert_binary_head: 1 }, /args\.bert_binary_head/],
  ])("that are not supported are named: %j", (args, message) => {
    expect(() => read(args)).toThrow(message);
    expect(() => read(args)).toThrow(ModelError);
  });

  it("of releases whose head is not known are named", () => {
    expect(() => read({ openai_gelu: null }, { core: false })).toThrow(/args\.openai_gelu/);
  });
});
