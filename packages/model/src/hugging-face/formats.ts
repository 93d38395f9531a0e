/** The Hugging Face formats of all families, and which of them a config.json or a model is in. */
import { type ModelConfig, modelConfigSchema } from "../configuration.ts";
import type { BaseConfig } from "../configuration-fields.ts";
import { ModelError } from "../errors.ts";
import { families, familyOf } from "../registry.ts";
import type { FileTensors, HuggingFaceConfig, HuggingFaceFormat } from "./format.ts";

/** Every format that models are exchanged in. */
export const huggingFaceFormats: readonly HuggingFaceFormat[] = Object.values(families).flatMap<HuggingFaceFormat>(
  ({ formats }) => formats,
);

/** The format of a config.json, by its `model_type`. Throws a ModelError that lists the known ones. */
export function formatOfConfigJson({ model_type: modelType }: HuggingFaceConfig): HuggingFaceFormat {
  const format = huggingFaceFormats.find((candidate) => candidate.modelType === modelType);
  if (format) return format;
  const known = huggingFaceFormats.map((candidate) => candidate.modelType).join(", ");
  throw new ModelError(
    `config.json: model_type: expected one of ${known}; got ${JSON.stringify(modelType)?.slice(0, 100)}`,
  );
}

/**
 * A model's configuration from its config.json, with the format it is in. The tensors of its file decide which heads it
 * has where config.json leaves that open.
 * @throws ModelError that names the field that cannot be read
 */
export function readHuggingFaceConfig(
  json: HuggingFaceConfig,
  options: { tensors?: FileTensors } = {},
): { format: HuggingFaceFormat; config: ModelConfig } {
  const format = formatOfConfigJson(json);
  const result = modelConfigSchema.safeParse(format.fromHuggingFace(json, options));
  if (result.success) return { format, config: result.data };
  const { path, message } = result.error.issues[0]!;
  throw new ModelError(`config.json: ${path.join(".")} (our name): ${message}`);
}

/** The format to export a model in. Throws a ModelError if there is none. */
export function formatForModel(config: BaseConfig): HuggingFaceFormat {
  const { formats } = familyOf(config);
  const format = formats.find((candidate) => candidate.supports(config));
  if (format) return format;
  const [nearest] = formats
    .map((candidate) => ({ modelType: candidate.modelType, unsaid: candidate.unsaid?.(config) ?? [] }))
    .filter(({ unsaid }) => unsaid.length > 0)
    .sort((a, b) => a.unsaid.length - b.unsaid.length);
  if (nearest) {
    const fields = nearest.unsaid.map((field) => `${field} ${JSON.stringify(config[field as keyof BaseConfig])}`);
    const message = `no Hugging Face format can say this model: the nearest, ${nearest.modelType}, lacks ${fields.join(", ")}`;
    throw new ModelError(message);
  }
  throw new ModelError(`no Hugging Face format supports a model of this configuration: ${JSON.stringify(config)}`);
}
