/** Which tasks a model can do: those that the page shows a form for. The routes themselves refuse what a model cannot do. */
import { familyOf } from "@megatron-ts/model";
import { specialTokenId } from "@megatron-ts/tokenizer";
import type { ServedModel } from "./load-served-model.ts";

/** A task that a model can do, named after its route. */
export type ServedTask =
  | { name: "classify"; labels: readonly string[]; pairs: boolean }
  | { name: "answer" | "translate" | "summarize" }
  | { name: "fill-mask"; mask: string };

type Given = Pick<ServedModel, "model" | "tokenizer" | "prediction" | "recipe">;

/**
 * A model with a head has the task of that head; one that was fine-tuned to write has its own, and an imported encoder-decoder
 * may have either. Others fill masks if they can.
 */
export function servedTasks({ model: { config }, tokenizer, prediction, recipe }: Given): ServedTask[] {
  const { task: head } = config;
  const trained = recipe?.task?.name;
  if (head?.kind === "sequence-classification" && head.labels.length > 1) {
    return [{ name: "classify", labels: head.labels, pairs: trained === "sentence-pairs" }];
  }
  if (head?.kind === "question-answering") return [{ name: "answer" }];
  if (head) return [];
  if (trained === "translation") return [{ name: "translate" }];
  if (trained === "summarization") return [{ name: "summarize" }];
  const writes = prediction === "sequence-to-sequence" && recipe === null;
  const mask = familyOf(config).generation.fills.length > 0 ? specialTokenId(tokenizer, "mask") : undefined;
  return [
    ...(writes ? ([{ name: "translate" }, { name: "summarize" }] as const) : []),
    ...(mask !== undefined && hasLanguageModel(config)
      ? [{ name: "fill-mask" as const, mask: tokenizer.idToToken(mask)! }]
      : []),
  ];
}

/** Encoders may lack the head that predicts tokens, as those for embeddings do. */
const hasLanguageModel = (config: { heads?: { languageModel?: boolean } } | object): boolean =>
  !("heads" in config) || config.heads?.languageModel !== false;
