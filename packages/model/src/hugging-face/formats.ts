/** The Hugging Face formats of all families, and which of them a config.json or a model is in. */
import { type ModelConfig, modelConfigSchema } from "../configuration.ts";
import type { BaseConfig } from "../configuration-fields.ts";
import { ModelError } from "../errors.ts";
import { families, familyOf } from "../registry.ts";
import { show } from "./config-json.ts";
import type { FileTensors, HuggingFaceConfig, HuggingFaceFormat } from "./format.ts";
import { checkSpecialIds } from "./special-ids.ts";

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
  if (result.success) {
    checkSpecialIds(json, { source: "config.json", vocabularySize: result.data.vocabularySize });
    return { format, config: result.data };
  }
  const { path, message } = result.error.issues[0]!;
  throw new ModelError(`config.json: ${path.join(".")} (our name): ${message}`);
}

/** The format to export a model in. Throws a ModelError that names the fields in the way if there is none. */
export function formatForModel(config: BaseConfig): HuggingFaceFormat {
  const { formats } = familyOf(config);
  const format = formats.find((candidate) => candidate.supports(config));
  if (format) return format;
  const said = (field: string) => `${field} ${shortly(config[field as keyof BaseConfig])}`;
  const [nearest] = formats
    .map((candidate) => ({ modelType: candidate.modelType, unsaid: candidate.unsaid?.(config) ?? [] }))
    .filter(({ unsaid }) => unsaid.length > 0)
    .sort((a, b) => a.unsaid.length - b.unsaid.length);
  if (nearest) {
    const message = `the nearest, ${nearest.modelType}, lacks ${nearest.unsaid.map(said).join(", ")}`;
    throw new ModelError(`no Hugging Face format can say this model: ${message}`);
  }
  const alone = Object.keys(config).find((field) => isSaidWithout(field, config, formats));
  const why = alone === undefined ? "several of its fields together have no equivalent" : `none has its ${said(alone)}`;
  throw new ModelError(`no Hugging Face format can say this ${config.family} model: ${why}`);
}

/** Whether a format could say the model if it had the default of one field. */
function isSaidWithout(field: string, config: BaseConfig, formats: readonly HuggingFaceFormat[]): boolean {
  const { [field as keyof BaseConfig]: _, ...rest } = config;
  const { success, data } = modelConfigSchema.safeParse(rest);
  return success && formats.some((format) => format.supports(data));
}

/** A value in an error of one line. */
function shortly(value: unknown): string {
  const text = show(value);
  return text.length > 80 ? `${text.slice(0, 80)}...` : text;
}
