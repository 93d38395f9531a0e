/** config.json of Mistral (Jiang et al. 2023): Llama with a window in every layer. */
import { activationField } from "../../../hugging-face/activations.ts";
import { count } from "../../../hugging-face/config-json.ts";
import { createDecoderFormat, decoderFields, llamaFields, llamaLike, writeActivation } from "./decoder-format.ts";

/** The Hugging Face format of Mistral. */
export const mistralFormat = createDecoderFormat({
  modelType: "mistral",
  architectures: ["MistralForCausalLM", "MistralModel"],
  fields: {
    ...decoderFields({
      ...{ vocabulary: 32000, positions: 131072, hidden: 4096, feedForward: 14336, layers: 32, heads: 32 },
      ...{ keyValueHeads: 8, epsilon: 1e-6 },
    }),
    hidden_act: activationField.default("silu"),
    sliding_window: count(1).nullable().default(4096),
  },
  support: { fixed: llamaLike, free: [...llamaFields, "attentionWindow"] },
  rotary: { theta: 10_000 },
  read: ({ hidden_act: activation, sliding_window: attentionWindow }) => ({ activation, attentionWindow }),
  write: (config) => ({ ...writeActivation(config), sliding_window: config.attentionWindow }),
});
