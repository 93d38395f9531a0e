/** The capabilities of a family, derived from its definition: `megatron models` prints them, and a test tries each. */
import { familyOf } from "./registry.ts";

/** "fill" predicts masked tokens from both sides; "import" and "export" are for Hugging Face formats. */
export type Capability = "pretrain" | "evaluate" | "generate" | "fill" | "import" | "export";

/** The capabilities of a configuration's family. Throws a ModelError for an unknown family. */
export function capabilitiesOf(config: { family: string }): Capability[] {
  const { formats, generation } = familyOf(config);
  const exchanged = formats.length > 0;
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
