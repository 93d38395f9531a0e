/**
 * config.json of Longformer (Beltagy et al. 2020): RoBERTa with a window of attention in each layer, and global attention with
 * projections of its own. transformers makes the first token global where it classifies sequences, and none elsewhere.
 */
import { type LayoutConfig, windowOfLayer } from "@megatron-ts/attention";
import * as z from "zod";
import { fieldError } from "../../../hugging-face/config-json.ts";
import type { BertConfig } from "../configuration.ts";
import { longformerArchitectures } from "./architectures.ts";
import { baseSizes, createEncoderFormat } from "./encoder-format.ts";
import { longformerNames } from "./names.ts";

/** One window, or one for each layer: half of it on each side. */
const windows = z.union([z.int().min(2), z.array(z.int().min(2)).min(1)]).default(512);

/** The Hugging Face format of Longformer. */
export const longformerFormat = createEncoderFormat({
  modelType: "longformer",
  className: "Longformer",
  prefix: "longformer.",
  architectures: longformerArchitectures,
  marks: { pooler: "longformer.pooler.dense.weight", languageModel: "lm_head.dense.weight" },
  names: longformerNames,
  head: {
    weight: "lm_head.decoder.weight",
    embedding: "longformer.embeddings.word_embeddings.weight",
    bias: "lm_head.bias",
    decoderBias: "lm_head.decoder.bias",
  },
  fairseq: true,
  defaults: { ...baseSizes, vocabularySize: 30522 },
  without: ["classifier_dropout"],
  fields: { attention_window: windows },
  // Of the first code, and of exports to ONNX.
  harmless: ["attention_mode", "ignore_attention_mask", "onnx_export"],
  read({ attention_window: given }, task, { layers }) {
    const window = typeof given === "object" && given.every((size) => size === given[0]) ? given[0]! : given;
    if (typeof window === "object" && window.length !== layers) {
      throw fieldError("attention_window", `expected ${layers} windows, one for each layer, got ${window.length}`);
    }
    if ([window].flat().some((size) => size % 2 !== 0)) {
      throw fieldError("attention_window", `expected even numbers, got ${[window].flat().join(", ")}`);
    }
    const globalTokens = task === "sequence-classification" ? { globalTokens: [0] } : {};
    return { globalProjections: true, attention: { layout: "local", window, ...globalTokens } };
  },
  taskDropout: () => undefined,
  write: (config) => ({ attention_window: windowsOf(config) }),
  hasAttention: (config) =>
    config.globalProjections && !localOf(config).layers && windowsOf(config).every((window) => window % 2 === 0),
  differences(config) {
    const theirs = config.task?.kind === "sequence-classification" ? "0" : "";
    const ours = (localOf(config).globalTokens ?? []).join(", ");
    if (ours === theirs) return [];
    return [
      `Longformer has ${theirs || "no"} global tokens unless it is given a global_attention_mask, this model has ` +
        `${ours || "none"}: give the mask to get the same outputs`,
    ];
  },
});

/** Its attention, which the schema of the configuration requires. */
const localOf = ({ attention }: BertConfig) => attention as Extract<LayoutConfig, { layout: "local" }>;

const windowsOf = (config: BertConfig): number[] =>
  Array.from({ length: config.numLayers }, (_, layer) => windowOfLayer(localOf(config), layer) ?? 512);
