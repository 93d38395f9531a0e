/** Every format that models are exchanged in, and which of them a model or a config.json is of. */
import { bertFormat, megatronBertFormat, robertaFormat } from "./bert-format.ts";
import type { ModelConfig } from "./configuration.ts";
import { ModelError } from "./errors.ts";
import type { ForeignFormat, HuggingFaceConfig } from "./foreign-format.ts";
import { gpt2Format } from "./gpt2-format.ts";
import { llamaFormat } from "./llama-format.ts";
import { t5Format } from "./t5-format.ts";
import { xlnetFormat } from "./xlnet-format.ts";

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
