/** The Hugging Face formats of all families, and which of them a config.json or a model is in. */
import type { BaseConfig } from "../configuration-fields.ts";
import { ModelError } from "../errors.ts";
import { families, familyOf } from "../registry.ts";
import type { HuggingFaceConfig, HuggingFaceFormat } from "./format.ts";

/** Every format that models are exchanged in. */
export const huggingFaceFormats: readonly HuggingFaceFormat[] = Object.values(families).flatMap<HuggingFaceFormat>(
  ({ formats }) => formats,
);

/** The format of a config.json, by its `model_type`. Throws a ModelError that lists the known ones. */
export function formatOfConfigJson({ model_type: modelType }: HuggingFaceConfig): HuggingFaceFormat {
  const format = huggingFaceFormats.find((candidate) => candidate.modelType === modelType);
  if (format) return format;
  const known = huggingFaceFormats.map((candidate) => candidate.modelType).join(", ");
  throw new ModelError(`config.json: model_type: expected one of ${known}; got ${JSON.stringify(modelType)}`);
}

/** The format to export a model in. Throws a ModelError if there is none. */
export function formatForModel(config: BaseConfig): HuggingFaceFormat {
  const format = familyOf(config).formats.find((candidate) => candidate.supports(config));
  if (format) return format;
  throw new ModelError(`no Hugging Face format supports a model of this configuration: ${JSON.stringify(config)}`);
}
