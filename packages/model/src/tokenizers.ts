/** Tokenizer presets by name. A subpath of its own, because it needs no tensors. */
import { robertaTokenizer } from "./families/bert/tokenizer.ts";
import { t5Tokenizer } from "./families/t5/tokenizer.ts";
import { xlnetTokenizer } from "./families/xlnet/tokenizer.ts";
import type { TokenizerPreset } from "./tokenizer-preset.ts";

export type { TokenizerPreset };

/** Tokenizers that are trained for a family's models, by name. */
export const tokenizerPresets: Readonly<Record<string, TokenizerPreset>> = {
  roberta: robertaTokenizer,
  t5: t5Tokenizer,
  xlnet: xlnetTokenizer,
};
