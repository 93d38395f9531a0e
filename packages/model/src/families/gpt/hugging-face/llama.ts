/** config.json of Llama (Touvron et al. 2023), as transformers 4 and 5 write it. */
import * as z from "zod";
import { activationField } from "../../../hugging-face/activations.ts";
import { only } from "../../../hugging-face/config-json.ts";
import { createDecoderFormat, decoderFields, llamaFields, llamaLike, writeActivation } from "./decoder-format.ts";

/** The Hugging Face format of Llama. */
export const llamaFormat = createDecoderFormat({
  modelType: "llama",
  architectures: ["LlamaForCausalLM", "LlamaModel"],
  fields: {
    ...decoderFields({
      ...{ vocabulary: 32000, positions: 2048, hidden: 4096, feedForward: 11008, layers: 32, heads: 32 },
      epsilon: 1e-6,
    }),
    hidden_act: activationField.default("silu"),
    attention_bias: z.boolean().default(false),
    mlp_bias: z.boolean().default(false),
    rope_interleaved: only(false),
  },
  harmless: [
    // How Llama 2 was split in pretraining: the sums are the same.
    "pretraining_tp",
    // Of the trainers of SmolLM and of the first Llamas.
    ...["is_llama_config", "max_sequence_length"],
  ],
  support: { fixed: llamaLike, free: [...llamaFields, "biases", "attentionBiases"] },
  rotary: { theta: 10_000 },
  read: ({ hidden_act: activation, attention_bias: attentionBiases, mlp_bias: biases }) => ({
    activation,
    biases,
    ...(attentionBiases === biases ? {} : { attentionBiases }),
  }),
  write: (config) => ({
    ...writeActivation(config),
    attention_bias: config.attentionBiases ?? config.biases,
    mlp_bias: config.biases,
  }),
});
