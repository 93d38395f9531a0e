/** Every format that models are exchanged in, and which of them a model or a config.json is of. */

import type { ModelConfig } from "../configuration.ts";
import { ModelError } from "../errors.ts";
import { bertFormat, megatronBertFormat, robertaFormat } from "../families/bert/hugging-face.ts";
import { gpt2Format } from "../families/gpt/hugging-face-gpt2.ts";
import { llamaFormat } from "../families/gpt/hugging-face-llama.ts";
import { t5Format } from "../families/t5/hugging-face.ts";
import { xlnetFormat } from "../families/xlnet/hugging-face.ts";
import type { ForeignFormat, HuggingFaceConfig } from "./format.ts";

export const foreignFormats: readonly ForeignFormat[] = [
  gpt2Format,
  llamaFormat,
  bertFormat,
  megatronBertFormat,
  robertaFormat,
  t5Format,
  xlnetFormat,
];

/** The format of a config.json, by its `model_type`. Throws a ModelError that lists the known ones. */
export function foreignFormatOf({ model_type: modelType }: HuggingFaceConfig): ForeignFormat {
  const format = foreignFormats.find((candidate) => candidate.modelType === modelType);
  if (format) return format;
  const known = foreignFormats.map((candidate) => candidate.modelType).join(", ");
  throw new ModelError(`config.json: model_type: expected one of ${known}; got ${JSON.stringify(modelType)}`);
}

/** The format that a model can be written in. Throws a ModelError where there is none. */
export function foreignFormatFor(config: ModelConfig): ForeignFormat {
  const format = foreignFormats.find((candidate) => candidate.describes(config));
  if (format) return format;
  throw new ModelError(`no Hugging Face format has a model of this configuration: ${JSON.stringify(config)}`);
}
