/** Which layers have a window: `sliding_window` and `layer_types` in config.json. */
import * as z from "zod";
import { count, fieldError } from "../../../hugging-face/config-json.ts";
import type { GptConfig } from "../configuration.ts";

/** The fields about windows. */
export const windowFields = (window: number | null) => ({
  sliding_window: count(1).nullable().default(window),
  layer_types: z.array(z.enum(["full_attention", "sliding_attention"])).nullish(),
});

type Windows = Partial<Pick<GptConfig, "attentionWindow" | "layersWithoutWindow">>;

interface Read {
  num_hidden_layers: number;
  sliding_window: number | null;
  layer_types?: ("full_attention" | "sliding_attention")[] | null | undefined;
}

/** Our fields. Where config.json lists no layers, `isWide` says which ones have no window. Throws a ModelError. */
export function readWindows(
  { num_hidden_layers: numLayers, sliding_window: window, layer_types: types }: Read,
  isWide: (layer: number) => boolean,
): Windows {
  if (types && types.length !== numLayers) {
    throw fieldError("layer_types", `${types.length} types for ${numLayers} layers`);
  }
  const layersWithoutWindow = Array.from({ length: numLayers }, (_, layer) => layer).filter((layer) =>
    types ? types[layer] === "full_attention" : isWide(layer),
  );
  if (layersWithoutWindow.length === numLayers) return {};
  if (window === null) throw fieldError("sliding_window", "layers with sliding_attention need a window");
  return { attentionWindow: window, layersWithoutWindow };
}

/** The fields for transformers. */
export const writeWindows = ({ attentionWindow, layersWithoutWindow, numLayers }: GptConfig) => ({
  sliding_window: attentionWindow,
  layer_types: Array.from({ length: numLayers }, (_, layer) =>
    attentionWindow === null || layersWithoutWindow.includes(layer) ? "full_attention" : "sliding_attention",
  ),
});
