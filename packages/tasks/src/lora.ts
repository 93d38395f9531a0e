/** The adapters of a recipe: new ones, or one to train further, whose rank and targets take the place of the recipe's. */
import { type AdapterStart, openAdapterStart, openModelCheckpoint } from "@megatron-ts/checkpoint";
import type { ModelConfig } from "@megatron-ts/model";
import type { FinetuneConfig } from "./configuration.ts";
import { TaskError } from "./errors.ts";

type LoraConfig = NonNullable<FinetuneConfig["lora"]>;

/**
 * Opens `lora.from`; null for a recipe without it. Throws a TaskError where there is no base, and a CheckpointError for an
 * adapter for another one.
 */
export function openLora(
  { lora, model, selfPretrain }: FinetuneConfig,
  config: ModelConfig,
): { lora: LoraConfig; weights: AdapterStart["weights"] } | null {
  if (lora?.from === undefined) return null;
  if (model.from === undefined) throw new TaskError("lora.from: expected model.from, the base that the adapter is for");
  if (selfPretrain) throw new TaskError("lora.from: expected no selfPretrain, after which the base is another");
  const base = openModelCheckpoint(model.from);
  try {
    const { adapter, weights } = openAdapterStart(lora.from, { base, config });
    return { lora: { ...lora, ...adapter, targets: [...adapter.targets] }, weights };
  } finally {
    base.close();
  }
}
