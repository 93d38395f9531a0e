/**
 * config.json of Qwen2 and Qwen2.5 (Yang et al. 2024): Llama with biases of queries, keys and values; and of Qwen3 (Yang et
 * al. 2025), which has norms of queries and keys instead.
 */
import * as z from "zod";
import { activationField } from "../../../hugging-face/activations.ts";
import type { GptConfig } from "../configuration.ts";
import { createDecoderFormat, decoderFields, llamaFields, llamaLike, writeActivation } from "./decoder-format.ts";
import { readWindows, windowFields, writeWindows } from "./layer-types.ts";

const sizes = {
  ...{ vocabulary: 151936, positions: 32768, hidden: 4096, feedForward: 22016, layers: 32, heads: 32 },
  ...{ keyValueHeads: 32, epsilon: 1e-6 },
};

const windows = {
  hidden_act: activationField.default("silu"),
  ...windowFields(4096),
  use_sliding_window: z.boolean().default(false),
  max_window_layers: z.int().nonnegative().default(28),
};

interface ReadWindows extends z.output<z.ZodObject<typeof windows>> {
  num_hidden_layers: number;
}

/** The first layers have no window, and none has one unless config.json says so. */
function readOwnWindows(json: ReadWindows) {
  const { use_sliding_window: isUsed, max_window_layers: first, sliding_window: window } = json;
  const used = isUsed ? window : null;
  return readWindows({ ...json, sliding_window: used }, (layer) => used === null || layer < first);
}

const write = (config: GptConfig) => ({
  ...writeActivation(config),
  ...writeWindows(config),
  use_sliding_window: config.attentionWindow !== null,
});

const free = [...llamaFields, "attentionWindow", "layersWithoutWindow"] as const;

const qwen2 = createDecoderFormat({
  modelType: "qwen2",
  architectures: ["Qwen2ForCausalLM", "Qwen2Model"],
  fields: { ...decoderFields(sizes), ...windows },
  support: { fixed: { ...llamaLike, attentionBiases: true, attentionOutputBias: false }, free },
  rotary: { theta: 10_000 },
  read: (json) => ({
    activation: json.hidden_act,
    attentionBiases: true,
    attentionOutputBias: false,
    ...readOwnWindows(json),
  }),
  write,
});

/** The Hugging Face format of Qwen2 and Qwen2.5. */
export const qwen2Format: typeof qwen2 = {
  ...qwen2,
  differences: (config) => [
    ...qwen2.differences(config),
    "transformers reads each qwen2 tokenizer as Qwen2's own (NFC, its pre-tokenizer), whatever tokenizer_config.json says: " +
      "another one gives other ids there",
  ],
};

/** The Hugging Face format of Qwen3. */
export const qwen3Format = createDecoderFormat({
  modelType: "qwen3",
  architectures: ["Qwen3ForCausalLM", "Qwen3Model"],
  fields: {
    ...decoderFields({ ...sizes, headSize: 128 }),
    ...windows,
    attention_bias: z.boolean().default(false),
  },
  support: { fixed: { ...llamaLike, queryKeyNorm: true }, free: [...free, "attentionBiases"] },
  rotary: { theta: 10_000 },
  read: (json) => ({
    activation: json.hidden_act,
    queryKeyNorm: true,
    ...(json.attention_bias && { attentionBiases: true }),
    ...readOwnWindows(json),
  }),
  write: (config) => ({ ...write(config), attention_bias: config.attentionBiases ?? false }),
});
