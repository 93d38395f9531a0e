/** Which Hugging Face formats can say the options of a family: what an export of a model with them will be. */
import { modelConfigSchema } from "./configuration.ts";
import { families } from "./registry.ts";

/** One option of a family, and the `model_type` of each format that has it. */
export interface OptionFormats {
  family: string;
  /** The field of the configuration, and a value that is not its default. */
  field: string;
  value: unknown;
  /** A model with the option is exported in one of these, if it can say the rest; empty: export refuses it by name. */
  formats: string[];
}

/** The options of all families. */
export const optionFormats = (): OptionFormats[] =>
  Object.entries(families).flatMap(([family, { options = {}, formats, presets }]) => {
    const [preset] = Object.values(presets);
    return Object.entries(options).map(([field, value]) => {
      const config = modelConfigSchema.parse({ ...preset!.config, [field]: value });
      // Each format was declared for the configurations of its own family.
      const known = formats as readonly { modelType: string; unsaid?(config: object): string[] }[];
      const able = known.filter(({ unsaid }) => !unsaid?.(config).includes(field));
      return { family, field, value, formats: able.map(({ modelType }) => modelType) };
    });
  });
