import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { shapeOnly } from "@megatron-ts/parallel";
import { describe, expect, it } from "vitest";
import {
  bertFormat,
  createModel,
  familyOf,
  formatForModel,
  formatOfConfigJson,
  type ModelConfig,
  megatronBertFormat,
  modelConfigSchema,
  presets,
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
    expect(robertaFormat.ignoredTensors.some((pattern) => pattern.test("lm_head.decoder.weight"))).toBe(true);
    expect(robertaFormat.ignoredTensors.some((pattern) => pattern.test("lm_head.dense.weight"))).toBe(false);
  });
});

describe("an unsupported config.json is refused:", () => {
  const refusal = (fixture: string, changes: object) => () => {
    const json = { ...configOf(fixture), ...changes };
    formatOfConfigJson(json).fromHuggingFace(json);
  };

  it.each([
    ["bert", { model_type: "deberta" }, /model_type: .*gpt2.*"deberta"/],
    [
      "bert",
      { architectures: ["BertForMultipleChoice"] },
      /\["BertForMultipleChoice"\] is not supported; these are: Bert/,
    ],
    ["bert", { hidden_size: "many" }, /config\.json: hidden_size: .*expected.*; got "many"/],
    ["bert", { vocab_size: undefined }, /config\.json: vocab_size: .*; got nothing/],
    ["bert", { hidden_act: "quick_gelu" }, /config\.json: hidden_act: .*; got "quick_gelu"/],
    ["bert", { position_embedding_type: "relative_key" }, /position_embedding_type: .*"absolute"; got "relative_key"/],
    ["bert", { is_decoder: true }, /is_decoder: .*; got true/],
    ["bert-sequence-classification", { problem_type: "regression" }, /problem_type: .*; got "regression"/],
    ["gpt2", { scale_attn_by_inverse_layer_idx: true }, /scale_attn_by_inverse_layer_idx: .*; got true/],
    [
      "llama",
      { rope_parameters: { rope_type: "llama3", factor: 8 } },
      /rope_parameters\.rope_type: .*"default"; got .*llama3/,
    ],
    ["llama", { attention_bias: true }, /mlp_bias: biases in all projections or in none/],
  ])("%s with %o", (fixture, changes, message) => {
    expect(refusal(fixture, changes)).toThrow(message);
    expect(refusal(fixture, changes)).toThrow(expect.objectContaining({ userError: true }));
  });
});
