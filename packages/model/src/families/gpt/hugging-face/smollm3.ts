/** config.json of SmolLM3 (Bakouch et al. 2025): Llama whose every fourth layer has no rotary positions. */
import * as z from "zod";
import { activationField } from "../../../hugging-face/activations.ts";
import { count, fieldError } from "../../../hugging-face/config-json.ts";
import {
  createDecoderFormat,
  decoderFields,
  llamaFields,
  llamaLike,
  noSpecialIds,
  writeActivation,
} from "./decoder-format.ts";
import { readWindows, windowFields, writeWindows } from "./layer-types.ts";

const fields = {
  ...decoderFields({
    ...{ vocabulary: 128256, positions: 32768, hidden: 2048, feedForward: 11008, layers: 36, heads: 16 },
    ...{ keyValueHeads: 4, epsilon: 1e-6, tied: true },
  }),
  hidden_act: activationField.default("silu"),
  attention_bias: z.boolean().default(false),
  mlp_bias: z.boolean().default(false),
  ...windowFields(null),
  use_sliding_window: z.boolean().default(false),
  no_rope_layers: z.array(z.union([z.literal(0), z.literal(1)])).nullish(),
  no_rope_layer_interval: count(4),
};

/** For each layer whether it is rotated: `no_rope_layers` says 1 for those that are. */
function rotatedLayers({
  num_hidden_layers: numLayers,
  no_rope_layers: listed,
  no_rope_layer_interval: interval,
}: z.output<z.ZodObject<typeof fields>>): boolean[] {
  if (listed && listed.length < numLayers) {
    throw fieldError("no_rope_layers", `${listed.length} entries for ${numLayers} layers`);
  }
  return Array.from({ length: numLayers }, (_, layer) => (listed ? listed[layer] === 1 : (layer + 1) % interval !== 0));
}

/** The Hugging Face format of SmolLM3. */
export const smolLm3Format = createDecoderFormat({
  modelType: "smollm3",
  architectures: ["SmolLM3ForCausalLM", "SmolLM3Model"],
  fields,
  harmless: ["pretraining_tp", "max_window_layers"],
  support: {
    fixed: llamaLike,
    free: [
      ...llamaFields,
      ...(["biases", "attentionBiases", "attentionWindow", "layersWithoutWindow", "layersWithoutRotary"] as const),
    ],
  },
  rotary: { theta: 2_000_000 },
  read(json) {
    const rotated = rotatedLayers(json);
    const usesWindow = json.use_sliding_window && json.sliding_window !== null;
    const { attention_bias: attentionBiases, mlp_bias: biases } = json;
    return {
      activation: json.hidden_act,
      biases,
      ...(attentionBiases === biases ? {} : { attentionBiases }),
      layersWithoutRotary: rotated.flatMap((isRotated, layer) => (isRotated ? [] : [layer])),
      ...readWindows(json, (layer) => !usesWindow || rotated[layer]!),
    };
  },
  write: (config) => ({
    ...writeActivation(config),
    ...noSpecialIds,
    attention_bias: config.attentionBiases ?? config.biases,
    mlp_bias: config.biases,
    ...writeWindows(config),
    use_sliding_window: config.attentionWindow !== null,
    no_rope_layers: Array.from({ length: config.numLayers }, (_, layer) =>
      config.layersWithoutRotary.includes(layer) ? 0 : 1,
    ),
  }),
});
