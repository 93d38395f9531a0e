/** The models of Megatron-LM that are known, and those that are imported. */
import { families } from "../registry.ts";
import type { MegatronLmFormat } from "./format.ts";

/** Every format that models are imported from. */
export const megatronLmFormats: readonly MegatronLmFormat[] = Object.values(families).flatMap<MegatronLmFormat>(
  ({ megatronLm }) => megatronLm ?? [],
);

/** The kind of model in a checkpoint of Megatron-LM, by the names of its tensors. */
export function megatronLmFamilyOf(names: readonly string[]): "gpt" | "bert" | "t5" {
  if (names.some((name) => /\.(inter_attention|cross_attention)\./.test(name))) return "t5";
  const bert = /(^|\.)(tokentype_embeddings|binary_head|pooler|lm_head\.dense)\./;
  return names.some((name) => bert.test(name)) ? "bert" : "gpt";
}
