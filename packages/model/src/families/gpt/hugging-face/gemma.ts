/**
 * config.json of Gemma 2 and of the text model of Gemma 3 (Gemma Team 2024, 2025): scaled embeddings, norms before and
 * behind each branch whose weights are stored minus one, layers with and without a window. Gemma 2 caps scores and logits,
 * Gemma 3 has norms of queries and keys, and another rotary base in layers with a window.
 */
import * as z from "zod";
import { activationField, activationName } from "../../../hugging-face/activations.ts";
import { count, only, positive } from "../../../hugging-face/config-json.ts";
import type { GptConfig } from "../configuration.ts";
import { createDecoderFormat, decoderFields, llamaFields, llamaLike } from "./decoder-format.ts";
import { readWindows, windowFields, writeWindows } from "./layer-types.ts";

const sizes = {
  ...{ hidden: 2304, feedForward: 9216, layers: 26, heads: 8, keyValueHeads: 4, headSize: 256, epsilon: 1e-6 },
  tied: true,
};

const cap = (fallback: number | null) => z.number().positive().nullable().default(fallback);

const gemmaFields = {
  hidden_activation: activationField.default("gelu-tanh"),
  attention_bias: z.boolean().default(false),
  query_pre_attn_scalar: positive(256),
  ...windowFields(4096),
  use_bidirectional_attention: only(false).nullable(),
};

// Of the first files; `hidden_activation` is read.
const harmless = ["hidden_act"];

const gemmaLike: Partial<GptConfig> = { ...llamaLike, zeroCenteredNorms: true, outputNorms: true };

const free = [
  ...llamaFields,
  ...(["attentionScale", "attentionBiases", "attentionWindow", "layersWithoutWindow", "embeddingScale"] as const),
] as const;

interface Read extends z.output<z.ZodObject<typeof gemmaFields>> {
  hidden_size: number;
  num_hidden_layers: number;
}

const read = (json: Read, isWide: (layer: number) => boolean) => ({
  activation: json.hidden_activation,
  zeroCenteredNorms: true,
  outputNorms: true,
  embeddingScale: Math.sqrt(json.hidden_size),
  attentionScale: 1 / Math.sqrt(json.query_pre_attn_scalar),
  ...(json.attention_bias && { attentionBiases: true }),
  ...readWindows(json, isWide),
});

function write(config: GptConfig) {
  const { hiddenSize, numHeads, headSize = hiddenSize / numHeads, attentionScale } = config;
  return {
    // The name of Gemma's own files: transformers' gelu_new rounds otherwise.
    hidden_activation: config.activation === "gelu-tanh" ? "gelu_pytorch_tanh" : activationName(config.activation),
    attention_bias: config.attentionBiases ?? false,
    query_pre_attn_scalar: attentionScale === undefined ? headSize : Math.round(1 / attentionScale ** 2),
    ...writeWindows(config),
  };
}

/** Whether the factors of embeddings and scores are ones that config.json can say. */
function hasGemmasFactors(config: GptConfig): boolean {
  const { query_pre_attn_scalar: divisor } = write(config);
  const scale = config.attentionScale;
  return (
    config.embeddingScale === Math.sqrt(config.hiddenSize) &&
    (scale === undefined || scale === 1 / Math.sqrt(divisor)) &&
    Number.isInteger(divisor)
  );
}

/** The Hugging Face format of Gemma 2. */
export const gemma2Format = createDecoderFormat({
  modelType: "gemma2",
  architectures: ["Gemma2ForCausalLM", "Gemma2Model"],
  fields: {
    ...decoderFields({ ...sizes, vocabulary: 256000, positions: 8192 }),
    ...gemmaFields,
    final_logit_softcapping: cap(30),
    attn_logit_softcapping: cap(50),
  },
  harmless,
  support: { fixed: gemmaLike, free: [...free, "attentionCap", "logitsCap"], check: hasGemmasFactors },
  rotary: { theta: 10_000 },
  read: (json) => ({
    ...read(json, (layer) => layer % 2 === 1),
    ...(json.attn_logit_softcapping !== null && { attentionCap: json.attn_logit_softcapping }),
    ...(json.final_logit_softcapping !== null && { logitsCap: json.final_logit_softcapping }),
  }),
  write: (config) => ({
    ...write(config),
    attn_logit_softcapping: config.attentionCap ?? null,
    final_logit_softcapping: config.logitsCap ?? null,
  }),
});

/** Layers with a window have no scaling. */
const canSayGemma3 = (config: GptConfig) =>
  hasGemmasFactors(config) &&
  (config.attentionWindow === null || !config.rotaryScaling || config.windowRotaryTheta !== undefined) &&
  ["linear", undefined].includes(config.rotaryScaling?.type);

/** The Hugging Face format of the text models of Gemma 3. */
export const gemma3TextFormat = createDecoderFormat({
  modelType: "gemma3_text",
  architectures: ["Gemma3ForCausalLM", "Gemma3TextModel"],
  fields: {
    ...decoderFields({ ...sizes, vocabulary: 262_208, positions: 131_072 }),
    ...gemmaFields,
    sliding_window_pattern: count(6),
    final_logit_softcapping: cap(null),
    attn_logit_softcapping: only(null),
    rope_local_base_freq: positive(10_000),
  },
  harmless: [...harmless, "_sliding_window_pattern"],
  support: {
    fixed: { ...gemmaLike, queryKeyNorm: true },
    free: [...free, "windowRotaryTheta", "logitsCap"],
    check: canSayGemma3,
  },
  rotary: { theta: 1_000_000, types: ["default", "linear"], windows: true },
  read: (json) => ({
    ...read(json, (layer) => (layer + 1) % json.sliding_window_pattern === 0),
    queryKeyNorm: true,
    ...(json.final_logit_softcapping !== null && { logitsCap: json.final_logit_softcapping }),
  }),
  write: (config) => ({ ...write(config), final_logit_softcapping: config.logitsCap ?? null }),
});
