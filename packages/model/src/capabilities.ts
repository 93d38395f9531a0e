/** What works with each family, as data: `megatron models` prints it, and a test does each of it. */
import type { ModelConfig } from "./configuration.ts";

/** "fill" is to name hidden tokens from both sides; "import" and "export" are of Hugging Face's format. */
export type Ability = "pretrain" | "evaluate" | "generate" | "fill" | "import" | "export";

export const abilities: Readonly<Record<ModelConfig["family"], readonly Ability[]>> = {
  gpt: ["pretrain", "evaluate", "generate", "import", "export"],
  bert: ["pretrain", "evaluate", "fill", "import", "export"],
  xlnet: ["pretrain", "evaluate", "generate", "fill", "import", "export"],
  // No format of Hugging Face's has Megatron's blocks in both stacks. Its encoder fills masks where it was trained to.
  "encoder-decoder": ["pretrain", "evaluate", "generate", "fill"],
  t5: ["pretrain", "evaluate", "generate", "import", "export"],
};
