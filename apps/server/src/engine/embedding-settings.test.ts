import { describe, expect, it } from "vitest";
import { ServerError } from "../errors.ts";
import { readEmbeddingSettings } from "./embedding-settings.ts";

const TYPE = "sentence_transformers.models";
const modules = [
  { type: `${TYPE}.Transformer`, path: "" },
  { type: `${TYPE}.Pooling`, path: "1_Pooling" },
];
const POOLING = "1_Pooling__config.json";

const read = (files: Record<string, object>) =>
  readEmbeddingSettings(Object.keys(files), (name) => (files[name] ?? {}) as Record<string, unknown>);

describe("settings of sentence-transformers", () => {
  it("are the mean of length 1 without any", () => {
    expect(read({})).toMatchObject({ sentenceTransformers: false, pooling: ["mean"], normalize: true, prompt: "" });
  });

  it.each<[object, string[]]>([
    [{}, ["mean"]],
    [{ pooling_mode: "lasttoken" }, ["lasttoken"]],
    [{ pooling_mode: ["mean", "max"], pooling_mode_cls_token: true }, ["mean", "max"]],
    [{ pooling_mode_cls_token: true, pooling_mode_mean_tokens: false }, ["cls"]],
    [{ pooling_mode_mean_tokens: true, pooling_mode_max_tokens: true }, ["max", "mean"]],
  ])("pool by %j", (pooling, expected) => {
    expect(read({ "modules.json": modules, [POOLING]: pooling }).pooling).toEqual(expected);
  });

  it("are normalized by a module, cut by any family's file, and begin with the default prompt", () => {
    const normalize = { type: `${TYPE}.Normalize`, path: "2_Normalize" };
    const files = {
      "modules.json": [...modules, normalize],
      "sentence_xlm-roberta_config.json": { max_seq_length: 20, do_lower_case: true },
      "tokenizer_config.json": { model_max_length: 30 },
      "tokenizer.json": {
        normalizer: { type: "Sequence", normalizers: [{ type: "BertNormalizer", lowercase: true }] },
      },
      "config_sentence_transformers.json": { prompts: { query: "q: " }, default_prompt_name: "query" },
    };
    expect(read(files)).toMatchObject({ sentenceTransformers: true, normalize: true, maxTokens: 20, prompt: "q: " });
    const { "tokenizer_config.json": config } = files;
    expect(read({ "modules.json": modules, "tokenizer_config.json": config })).toMatchObject({
      normalize: false,
      maxTokens: 30,
      prompt: "",
    });
  });

  it.each<[string, Record<string, object>]>([
    ["attention", { [POOLING]: { pooling_mode: "attention" } }],
    ["pooling_mode_odd", { [POOLING]: { pooling_mode_odd: true } }],
    ["Pooling", { "modules.json": [] }],
    ["do_lower_case", { "sentence_bert_config.json": { do_lower_case: true } }],
    [
      "include_prompt",
      {
        [POOLING]: { include_prompt: false },
        "config_sentence_transformers.json": { prompts: { query: "q: " }, default_prompt_name: "query" },
      },
    ],
  ])("are rejected by name: %s", (name, files) => {
    expect(() => read({ "modules.json": modules, ...files })).toThrow(ServerError);
    expect(() => read({ "modules.json": modules, ...files })).toThrow(name);
  });
});
