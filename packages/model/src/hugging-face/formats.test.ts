import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { shapeOnly } from "@megatron-ts/parallel";
import { describe, expect, it } from "vitest";
import {
  type BaseConfig,
  type BertConfig,
  bertFormat,
  countModelParameters,
  createModel,
  familyOf,
  formatForModel,
  formatOfConfigJson,
  type GptConfig,
  llamaFormat,
  type ModelConfig,
  megatronBertFormat,
  modelConfigSchema,
  optionFormats,
  presets,
  readHuggingFaceConfig,
  robertaFormat,
} from "../index.ts";

const configOf = (fixture: string) =>
  JSON.parse(
    readFileSync(fileURLToPath(new URL(`../../../../fixtures/${fixture}/config.json`, import.meta.url)), "utf8"),
  );
const parameterNames = (config: ModelConfig) => [
  ...createModel(config, { weights: { source: shapeOnly } }).parameters.keys(),
];

const fixtures = [
  "gpt2",
  "llama",
  "llama-tied",
  "bert",
  "bert-sequence-classification",
  "bert-token-classification",
  "bert-question-answering",
  "megatron-bert",
  "roberta",
  "roberta-sequence-classification",
  "t5",
  "t5-v1.1",
  "xlnet",
  "xlnet-sequence-classification",
];

describe("Hugging Face formats", () => {
  it.each(fixtures)("%s: config.json there and back, and a name for every weight and no other", (fixture) => {
    const json = configOf(fixture);
    const format = formatOfConfigJson(json);
    const config = modelConfigSchema.parse(format.fromHuggingFace(json));
    expect(formatForModel(config)).toBe(format);
    expect(format.differences(config)).toEqual([]);
    const written = format.toHuggingFace(config);
    expect(modelConfigSchema.parse(format.fromHuggingFace(written))).toEqual(config);
    expect(written.architectures).toEqual(json.architectures);
    const asOldAsNew = fixture === "llama-tied" ? ["rope_parameters", "head_dim"] : ["rope_theta"];
    for (const [field, value] of Object.entries(written)) {
      if (!asOldAsNew.includes(field)) expect([field, json[field]]).toEqual([field, value]);
    }
    expect([...format.names(config).keys()].sort()).toEqual(parameterNames(config).sort());
  });

  it.each(Object.keys(presets))(
    "the preset %s has one format, with a name for every weight, or none at all",
    (name) => {
      const config = modelConfigSchema.parse(presets[name]!.config);
      const formats = familyOf(config).formats.filter((format) => format.supports(config));
      if (formats.length === 0) return expect(() => formatForModel(config)).toThrow("no Hugging Face format");
      expect(formats).toHaveLength(1);
      const [format] = formats;
      expect([...format!.names(config).keys()].sort()).toEqual(parameterNames(config).sort());
      expect(modelConfigSchema.parse(format!.fromHuggingFace(format!.toHuggingFace(config)))).toMatchObject(
        Object.fromEntries(Object.entries(config).filter(([, value]) => value !== undefined)),
      );
    },
  );

  it("list differences: the head of Megatron's BERT has its own GELU", () => {
    const config = modelConfigSchema.parse(presets["megatron-bert-336m"]!.config) as never;
    expect(megatronBertFormat.differences(config)).toEqual([
      "MegatronBert predicts tokens with gelu-tanh in its head, this model with gelu-erf: its logits will differ " +
        "slightly, its hidden states will not",
    ]);
  });
});

describe("a decoder of one's own", () => {
  const sizes = { family: "gpt", numLayers: 2, hiddenSize: 16, numHeads: 4, vocabularySize: 20, maxPositions: 24 };
  const llama = { positions: "rotary", norm: "rms", gatedFeedForward: true, biases: false };
  const formatOf = (changes: object) => formatForModel(modelConfigSchema.parse({ ...sizes, ...changes })).modelType;

  it("is written in the format that can say all of it", () => {
    expect(formatOf({})).toBe("gpt2");
    expect(formatOf({ rotaryTheta: 5, attentionWindow: null, numKeyValueHeads: 4 })).toBe("gpt2");
    expect(formatOf(llama)).toBe("llama");
    expect(formatOf({ ...llama, attentionWindow: 8, layersWithoutWindow: [0, 1] })).toBe("llama");
    expect(formatOf({ ...llama, attentionWindow: 8 })).toBe("mistral");
    expect(formatOf({ ...llama, attentionBiases: true, attentionOutputBias: false })).toBe("qwen2");
    expect(formatOf({ ...llama, queryKeyNorm: true })).toBe("qwen3");
    expect(formatOf({ ...llama, layersWithoutRotary: [1] })).toBe("smollm3");
  });

  it.each([
    { queryKeyNorm: true },
    { logitsCap: 30 },
    { ...llama, outputNorms: true },
    { ...llama, outputNorms: true, zeroCenteredNorms: true, embeddingScale: 3 },
  ])("with %o has no format", (changes) => {
    expect(() => formatOf(changes)).toThrow("no Hugging Face format");
  });

  it.each([
    [{ embeddingNorm: true }, /gpt2, lacks embeddingNorm true$/],
    [{ ...llama, positions: "alibi" }, /llama, lacks positions "alibi"$/],
    [{ ...llama, embeddingShortcut: true }, /llama, lacks embeddingShortcut true$/],
    [{ pairEmbeddings: 64 }, /gpt2, lacks pairEmbeddings 64$/],
    [{ ...llama, tokenShift: true }, /llama, lacks tokenShift true$/],
    [{ ...llama, queryKeyNorm: true, layersWithValueEmbeddings: [1] }, /qwen3, lacks layersWithValueEmbeddings \[1\]$/],
    [{ queryKeyNorm: true, logitsCap: 15 }, /gpt2, lacks queryKeyNorm true, logitsCap 15$/],
  ])("with %o is refused by the field's name", (changes, message) => {
    expect(() => formatOf(changes)).toThrow(message);
  });

  it("of an encoder with a window is refused by the field's name, in a short line", () => {
    const window = { attention: { layout: "local", window: 24 } };
    const config = modelConfigSchema.parse({ ...presets["bert-base"]!.config, ...window });
    expect(() => formatForModel(config)).toThrow(/^no Hugging Face format .* none has its attention \{[^\n]{1,80}$/);
    const other = modelConfigSchema.parse({ ...config, normPlacement: "pre", numLayerGroups: 1 });
    expect(() => formatForModel(other)).toThrow(/^no Hugging Face format [^\n]{1,80}$/);
  });

  it("is listed by its options with the formats that have them", () => {
    const listed = Object.fromEntries(optionFormats().map(({ field, formats }) => [field, formats]));
    expect(listed.queryKeyNorm).toEqual(["qwen3", "gemma3_text"]);
    expect(listed.logitsCap).toEqual(["gemma2", "gemma3_text"]);
    expect(listed.positions).not.toContain("gpt2");
    expect(listed.activation).toContain("gpt2");
    for (const field of [
      "embeddingNorm",
      "embeddingShortcut",
      "layersWithValueEmbeddings",
      "attentionSinks",
      "pairEmbeddings",
      "tokenShift",
    ]) {
      expect(listed[field]).toEqual([]);
    }
  });

  it("is written whatever its activation and its initial weights", () => {
    expect(formatOf({ activation: "squared-relu", zeroInitializedOutputs: true, tiedEmbeddings: false })).toBe("gpt2");
    const config = modelConfigSchema.parse({ ...sizes, activation: "squared-relu" });
    const written = formatForModel(config).toHuggingFace(config);
    expect(written.activation_function).toBe("relu2");
    expect(readHuggingFaceConfig(written).config).toMatchObject({ activation: "squared-relu" });
  });
});

const published = new URL("../../../../fixtures/hugging-face/configs/", import.meta.url);
const publishedConfig = (name: string) => JSON.parse(readFileSync(new URL(`${name}.json`, published), "utf8"));

describe("published models' config.json", () => {
  it.each([
    ["gpt2", 124_439_808],
    ["distilgpt2", 81_912_576],
    ["llama-2-7b", 6_738_415_616],
    ["llama-3-8b", 8_030_261_248],
    ["llama-3.1-8b-instruct", 8_030_261_248],
    ["llama-3.2-1b", 1_235_814_400],
    ["smollm2-135m", 134_515_008],
    ["bert-base-uncased", 109_514_298],
    ["bert-base-multilingual-cased", 177_974_523],
    ["ms-marco-minilm-cross-encoder", 22_713_601],
    ["roberta-base", 124_697_433],
    ["megatron-bert-uncased-345m", 333_640_704],
    ["xlnet-base-cased", 116_750_336],
    ["t5-small", 60_506_624],
    ["t5-v1_1-base", 247_577_856],
    ["flan-t5-small", 76_961_152],
    ["flan-t5-base", 247_577_856],
  ])("%s is read, with its number of parameters", (name, parameters) => {
    expect(countModelParameters(readHuggingFaceConfig(publishedConfig(name)).config)).toBe(parameters);
  });
});

/** hidden_size, intermediate_size, num_hidden_layers, num_attention_heads, num_key_value_heads, vocab_size */
const sizesOf = ([hidden, wide, layers, heads, keyValueHeads, vocabulary]: number[]) => ({
  ...{ hidden_size: hidden, intermediate_size: wide, num_hidden_layers: layers, num_attention_heads: heads },
  ...{ num_key_value_heads: keyValueHeads, vocab_size: vocabulary },
});

describe("published models", () => {
  it.each([
    ["Mistral 7B", "mistral", [4096, 14336, 32, 32, 8, 32000], {}, 7_241_732_096],
    ["Qwen2.5 0.5B", "qwen2", [896, 4864, 24, 14, 2, 151936], { tie_word_embeddings: true }, 494_032_768],
    ["Qwen3 0.6B", "qwen3", [1024, 3072, 28, 16, 8, 151936], { tie_word_embeddings: true }, 596_049_920],
    ["SmolLM3 3B", "smollm3", [2048, 11008, 36, 16, 4, 128256], {}, 3_075_098_624],
    ["Phi-3-mini", "phi3", [3072, 8192, 32, 32, 32, 32064], {}, 3_821_079_552],
    ["Gemma 2 2B", "gemma2", [2304, 9216, 26, 8, 4, 256000], { head_dim: 256 }, 2_614_341_888],
    ["Gemma 3 1B", "gemma3_text", [1152, 6912, 26, 4, 1, 262144], { head_dim: 256 }, 999_885_952],
  ])("%s has its number of parameters", (_, modelType, sizes, own, parameters) => {
    const { config } = readHuggingFaceConfig({ model_type: modelType, ...sizesOf(sizes), ...own });
    expect(countModelParameters(config)).toBe(parameters);
  });
});

describe("fields that decide together", () => {
  const read = (fixture: string, changes: object) => {
    // JSON has no undefined: such fields are left out.
    const json = JSON.parse(JSON.stringify({ ...configOf(fixture), ...changes }));
    return readHuggingFaceConfig(json).config as BaseConfig;
  };

  it("are read as the reference reads them: T5's scaled outputs, which transformers 5 calls tied", () => {
    const scaled = (changes: object) => read("t5", { scale_decoder_outputs: undefined, ...changes });
    expect(scaled({ tie_word_embeddings: true })).not.toHaveProperty("scaledOutputs");
    expect(scaled({ tie_word_embeddings: true, scale_decoder_outputs: false })).toMatchObject({
      tiedEmbeddings: false,
    });
    expect(scaled({ tie_word_embeddings: false, scale_decoder_outputs: true })).toMatchObject({ scaledOutputs: true });
  });

  it("T5's activation by feed_forward_proj, unless dense_act_fn and is_gated_act differ", () => {
    const old = { dense_act_fn: undefined, is_gated_act: undefined };
    const activation = (changes: object) => read("t5", { ...old, ...changes });
    expect(activation({ feed_forward_proj: "gated-gelu" })).toMatchObject({
      activation: "gelu-tanh",
      gatedFeedForward: true,
    });
    expect(activation({ feed_forward_proj: "gelu" })).toMatchObject({
      activation: "gelu-erf",
      gatedFeedForward: false,
    });
    expect(activation({ feed_forward_proj: "gated-gelu", dense_act_fn: "gelu", is_gated_act: false })).toMatchObject({
      activation: "gelu-erf",
      gatedFeedForward: false,
    });
  });

  it("Llama's rope_theta inside of rope_scaling, of rope_parameters and alone", () => {
    const theta = (changes: object) => read("llama", { rope_parameters: undefined, ...changes });
    expect(theta({})).toMatchObject({ rotaryTheta: 10_000 });
    expect(theta({ rope_theta: 7 })).toMatchObject({ rotaryTheta: 7 });
    expect(theta({ rope_theta: 7, rope_parameters: { rope_theta: 8 } })).toMatchObject({ rotaryTheta: 8 });
    expect(
      theta({ rope_theta: 7, rope_parameters: { rope_theta: 8 }, rope_scaling: { rope_theta: 9, type: "default" } }),
    ).toMatchObject({ rotaryTheta: 9 });
  });

  it("Llama's scaled positions, which are written as they were read", () => {
    const original = { original_max_position_embeddings: 8192 };
    for (const scaling of [
      { rope_type: "linear", factor: 2 },
      { rope_type: "dynamic", factor: 2 },
      {
        rope_type: "longrope",
        short_factor: [1, 1, 2, 2],
        long_factor: [1, 3, 5, 7],
        attention_factor: 1.1,
        ...original,
      },
      { rope_type: "llama3", factor: 8, low_freq_factor: 1, high_freq_factor: 4, ...original },
      { rope_type: "yarn", factor: 4, beta_fast: 32, beta_slow: 1, truncate: true, attention_factor: 1.1, ...original },
    ]) {
      const config = read("llama", { rope_scaling: scaling });
      const written = llamaFormat.toHuggingFace(config as GptConfig);
      expect(written.rope_parameters).toEqual({ ...scaling, rope_theta: 10_000 });
      expect(readHuggingFaceConfig(written).config).toEqual(config);
    }
  });

  it("the length from which dynamic scaling starts, twice which it reaches with the factor 2", () => {
    const config = read("llama", { rope_scaling: { rope_type: "dynamic", factor: 2 } });
    expect(config).toMatchObject({ maxPositions: 48, rotaryScaling: { originalMaxPositions: 24 } });
    expect(llamaFormat.toHuggingFace(config as GptConfig)).toMatchObject({ max_position_embeddings: 24 });
  });

  it("Gemma 3's two bases, as transformers 4 and 5 write them", () => {
    const old = { rope_parameters: undefined, rope_theta: 7, rope_local_base_freq: 8 };
    const scaled = { ...old, rope_scaling: { rope_type: "linear", factor: 2 } };
    expect(read("decoders/gemma3", old)).toMatchObject({ rotaryTheta: 7, windowRotaryTheta: 8 });
    expect(read("decoders/gemma3", scaled)).toMatchObject({ rotaryScaling: { type: "linear", factor: 2 } });
  });

  it("layers with a window by Gemma's pattern where they are not listed", () => {
    const layers = { layer_types: undefined, num_hidden_layers: 4 };
    expect(read("decoders/gemma2", layers)).toMatchObject({ layersWithoutWindow: [1, 3] });
    expect(read("decoders/gemma3", { ...layers, sliding_window_pattern: 3 })).toMatchObject({
      layersWithoutWindow: [2],
    });
    expect(read("decoders/smollm3", { ...layers, no_rope_layers: null })).toMatchObject({ layersWithoutRotary: [3] });
  });

  it("no head of its own in a bare Llama, whatever config.json says", () => {
    expect(read("llama", {})).toMatchObject({ tiedEmbeddings: false });
    expect(read("llama", { architectures: ["LlamaModel"] })).toMatchObject({ tiedEmbeddings: true });
  });

  it("Llama's biases of attention apart from those of the feed-forward layers", () => {
    const config = read("llama", { attention_bias: true });
    expect(config).toMatchObject({ biases: false, attentionBiases: true });
    const names = [...llamaFormat.names(config as GptConfig).keys()].filter((name) => name.endsWith(".bias"));
    expect(names).toHaveLength(8);
    expect(llamaFormat.toHuggingFace(config as GptConfig)).toMatchObject({ attention_bias: true, mlp_bias: false });
  });

  it("a field by its other name, alone or with the same value", () => {
    expect(read("gpt2", { n_head: undefined, num_attention_heads: 2 })).toMatchObject({ numHeads: 2 });
    expect(read("gpt2", { num_attention_heads: 4 })).toMatchObject({ numHeads: 4 });
    expect(read("gpt2", { embd_pdrop: 0.25 })).toMatchObject({ dropout: 0, embeddingDropout: 0.25 });
  });

  it("labels by id2label, and by num_labels where they disagree; a head with one label is a regression", () => {
    const labels = (changes: object) =>
      read("bert-sequence-classification", { id2label: undefined, problem_type: undefined, ...changes }).task;
    expect(labels({})).toMatchObject({ labels: ["LABEL_0", "LABEL_1"] });
    expect(labels({ num_labels: 1, problem_type: "regression" })).toMatchObject({ labels: ["LABEL_0"] });
    expect(labels({ id2label: { 1: "no", 0: "yes" } })).toMatchObject({ labels: ["yes", "no"] });
    expect(labels({ id2label: { 1: "no", 0: "yes" }, num_labels: 1 })).toMatchObject({ labels: ["LABEL_0"] });
    const several = { problem_type: "multi_label_classification" };
    const many = read("bert-sequence-classification", several);
    expect(many.task).toMatchObject({ multiLabel: true });
    expect(bertFormat.toHuggingFace(many as BertConfig)).toMatchObject(several);
    const one = read("bert-sequence-classification", { id2label: { 0: "score" }, problem_type: undefined });
    expect(bertFormat.toHuggingFace(one as BertConfig)).toMatchObject({ problem_type: "regression" });
  });
});

describe("heads of a BERT file", () => {
  const json = configOf("bert");
  const heads = (architecture: string | undefined, tensors?: string[]) =>
    bertFormat.fromHuggingFace(
      { ...json, architectures: architecture && [architecture] },
      {
        tensors: tensors && new Set(tensors),
      },
    ).heads;

  it("are those of the architecture and those in the file", () => {
    const all = { pooler: true, languageModel: true, pair: true };
    const none = { pooler: false, languageModel: false, pair: false };
    expect(heads("BertForPreTraining")).toEqual(all);
    expect(heads("BertForMaskedLM")).toEqual({ ...none, languageModel: true });
    expect(heads("BertForNextSentencePrediction")).toEqual({ ...none, pooler: true, pair: true });
    expect(heads("BertModel")).toEqual({ ...none, pooler: true });
    expect(heads(undefined)).toEqual({ ...none, pooler: true });
    expect(heads("BertModel", ["embeddings.word_embeddings.weight"])).toEqual(none);
    expect(heads("BertModel", ["pooler.dense.weight"])).toEqual({ ...none, pooler: true });
    expect(heads("BertForMaskedLM", ["bert.pooler.dense.weight", "cls.seq_relationship.weight"])).toEqual(all);
  });

  it("have other names in bare and older files", () => {
    expect(bertFormat.aliases("bert.embeddings.LayerNorm.weight")).toEqual([
      "embeddings.LayerNorm.weight",
      "bert.embeddings.LayerNorm.gamma",
      "embeddings.LayerNorm.gamma",
    ]);
    expect(bertFormat.aliases("cls.predictions.bias")).toEqual([]);
    const roberta = readHuggingFaceConfig(configOf("roberta")).config as BertConfig;
    expect(robertaFormat.shared(roberta).map(({ name }) => name)).toEqual([
      "lm_head.decoder.weight",
      "lm_head.decoder.bias",
    ]);
  });
});

describe("an unsupported config.json is refused:", () => {
  const refusal = (fixture: string, changes: object) => () => {
    const json = JSON.parse(JSON.stringify({ ...configOf(fixture), ...changes }));
    readHuggingFaceConfig(json);
  };

  it.each([
    ["bert", { model_type: "deberta" }, /model_type: .*gpt2.*"deberta"/],
    ["bert", { architectures: ["BertLMHeadModel"] }, /\["BertLMHeadModel"\] is not supported; these are: Bert/],
    [
      "longformer",
      { architectures: ["LongformerForQuestionAnswering"] },
      /QuestionAnswering"\] is not supported; these are: LongformerForMaskedLM, /,
    ],
    ["bert", { hidden_size: "many" }, /config\.json: hidden_size: .*expected.*; got "many"/],
    ["bert", { vocab_size: null }, /config\.json: vocab_size: .*; got null/],
    ["bert", { num_hidden_layers: 2 ** 31 }, /config\.json: num_hidden_layers: .*10000; got 2147483648/],
    ["llama", { hidden_size: 33, head_dim: undefined }, /config\.json: hiddenSize .*33.*numHeads \(4\)/],
    ["bert", { hidden_dropout_prob: 1.5 }, /config\.json: hidden_dropout_prob: .*; got 1\.5/],
    ["bert", { hidden_act: "quick_gelu" }, /config\.json: hidden_act: .*; got "quick_gelu"/],
    ["bert", { position_embedding_type: "relative_key" }, /position_embedding_type: .*"absolute"; got "relative_key"/],
    ["bert", { is_decoder: true }, /is_decoder: .*; got true/],
    ["bert-sequence-classification", { problem_type: "regression" }, /problem_type: regression with 3 labels/],
    ["bert-sequence-classification", { problem_type: "ranking" }, /problem_type: .*"ranking/],
    ["bert", { embedding_size: 8 }, /config\.json: embedding_size: unknown field .* 8/],
    ["bert", { is_causal: true }, /config\.json: is_causal: unknown field .* true/],
    ["gpt2", { num_attention_heads: 2 }, /config\.json: num_attention_heads: .* n_head, which is 4; got 2/],
    ["xlnet", { bi_data: true }, /config\.json: bi_data: expected false; got true/],
    ["xlnet", { same_length: true }, /config\.json: same_length: expected false; got true/],
    [
      "t5",
      { feed_forward_proj: "gated-tanh", dense_act_fn: undefined },
      /config\.json: feed_forward_proj: .*"gated-tanh"/,
    ],
    ["t5", { dense_act_fn: "tanh" }, /config\.json: dense_act_fn: .*"tanh"/],
    [
      "llama",
      { rope_scaling: { type: "proportional", factor: 2 } },
      /rope_scaling\.rope_type: .*linear, dynamic, llama3, yarn, longrope.*"proportional"/,
    ],
    ["llama", { rope_scaling: { rope_type: "llama3\n" } }, /rope_scaling\.rope_type: .*got "llama3\\n"$/],
    ["llama", { rope_scaling: { type: "linear", factor: 2, beta_fast: 3 } }, /rope_scaling\.beta_fast: .* linear/],
    ["llama", { rope_scaling: { type: "yarn" } }, /rope_scaling\.factor: .*got nothing/],
    ["llama", { quantization_config: { quant_method: "fp8" } }, /config\.json: quantization_config: unknown .*fp8/],

    ["gpt2", { scale_attn_by_inverse_layer_idx: true }, /scale_attn_by_inverse_layer_idx: .*; got true/],
    ["llama", { rope_parameters: { rope_type: "longrope", factor: 8 } }, /rope_parameters\.short_factor: .*nothing/],
    ["llama", { bos_token_id: 1.5 }, /^config\.json: bos_token_id: .*got 1\.5$/],
    ["bart", { decoder_start_token_id: 4e9 }, /^config\.json: decoder_start_token_id: .*got 4000000000$/],
    ["decoders/mistral", { sliding_window: 0 }, /sliding_window: .*got 0/],
    ["decoders/qwen2", { layer_types: ["full_attention"] }, /layer_types: 1 types for 2 layers/],
    ["decoders/qwen2", { use_sliding_window: false }, /sliding_window: .*need a window/],
    ["decoders/smollm3", { no_rope_layers: [1] }, /no_rope_layers: 1 entries for 2 layers/],
    ["decoders/gemma2", { use_bidirectional_attention: true }, /use_bidirectional_attention: .*got true/],
    ["decoders/gemma3", { use_bidirectional_attention: true }, /use_bidirectional_attention: .*got true/],
    ["decoders/gemma3", { model_type: "gemma3", vision_config: {} }, /model_type: expected one of .*got "gemma3"$/],
    ["encoders/albert", { inner_group_num: 2 }, /inner_group_num: .*got 2/],
    ["decoders/gemma3", { rope_parameters: { rope_theta: 5 } }, /rope_parameters\.rope_theta: .*by type of layer/],
  ])("%s with %o", (fixture, changes, message) => {
    expect(refusal(fixture, changes)).toThrow(message);
    expect(refusal(fixture, changes)).toThrow(expect.objectContaining({ userError: true }));
  });
});
