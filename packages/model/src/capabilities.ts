/** The capabilities of a family, derived from its definition: `megatron models` prints them, and a test tries each. */
import { modelConfigSchema } from "./configuration.ts";
import { familyOf } from "./registry.ts";

/** "fill" predicts masked tokens from both sides; "import" and "export" are for Hugging Face formats. */
export type Capability = "pretrain" | "evaluate" | "generate" | "fill" | "import" | "export";

/**
 * The capabilities of a configuration, whose vocabulary size may be open. Throws a ModelError for an unknown family, and a
 * ZodError for an invalid configuration.
 */
export function capabilitiesOf(config: { family: string }): Capability[] {
  const { formats, generation } = familyOf(config);
  const parsed = modelConfigSchema.parse({ vocabularySize: 1, ...config });
  const exchanged = formats.some((format) => format.supports(parsed));
  const all: [Capability, boolean][] = [
    ["pretrain", true],
    ["evaluate", true],
    ["generate", generation.writes.length > 0],
    ["fill", generation.fills.length > 0],
    ["import", exchanged],
    ["export", exchanged],
  ];
  return all.filter(([, works]) => works).map(([capability]) => capability);
}
