import { describe, expect, it } from "vitest";
import { ModelError } from "../../errors.ts";
import { encoderDecoderConfigSchema } from "./configuration.ts";
import { t5MegatronLmFormat as format } from "./megatron-lm.ts";

const common = { num_layers: 2, hidden_size: 32, num_attention_heads: 4, max_position_embeddings: 24 };

const read = (args: object, { core = true } = {}) =>
  format.fromMegatronLm(new Map(Object.entries({ ...common, ...args })), { vocabularySize: 50, core });

describe("arguments of a T5", () => {
  it.each<[object, object, boolean]>([
    [{}, { numLayers: 2, numDecoderLayers: 2, activation: "gelu-tanh", logitsBias: true, feedForwardSize: 128 }, true],
    [{ encoder_num_layers: 3, decoder_num_layers: 5 }, { numLayers: 3, numDecoderLayers: 5 }, true],
    [{ bias_gelu_fusion: false, norm_epsilon: 1e-6 }, { activation: "gelu-erf", normEpsilon: 1e-6 }, true],
    [{ openai_gelu: true }, { activation: "gelu-tanh" }, false],
    [{ onnx_safe: true }, { activation: "gelu-erf" }, false],
  ])("%j", (args, expected, core) => {
    expect(encoderDecoderConfigSchema.parse(read(args, { core }))).toMatchObject(expected);
  });

  it.each<[object, RegExp]>([
    [{ position_embedding_type: "relative" }, /args\.position_embedding_type/],
    [{ position_embedding_type: "rope" }, /args\.position_embedding_type/],
    [{ normalization: "RMSNorm" }, /args\.normalization/],
    [{ swiglu: true }, /args\.swiglu/],
    [{ add_bias_linear: false }, /args\.add_bias_linear/],
    [{ kv_channels: 64 }, /args\.kv_channels/],
    [{ softmax_scale: 1 }, /args\.softmax_scale/],
    [{ untie_embeddings_and_output_weights: true }, /args\.untie_embeddings_and_output_weights/],
    [{ decoder_num_layers: 0 }, /args\.decoder_num_layers/],
    [{ retro_add_retriever: true }, /args\.retro_add_retriever/],
  ])("that are not supported are named: %j", (args, message) => {
    expect(() => read(args)).toThrow(message);
    expect(() => read(args)).toThrow(ModelError);
  });
});
