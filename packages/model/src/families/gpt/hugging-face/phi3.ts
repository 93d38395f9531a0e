/**
 * config.json of Phi-3 and Phi-4-mini (Abdin et al. 2024): Llama with fused projections, dropout of the branches, LongRoPE,
 * and, in Phi-4-mini, heads of which only a part is rotated.
 */
import * as z from "zod";
import { activationField } from "../../../hugging-face/activations.ts";
import { count, dropoutRate } from "../../../hugging-face/config-json.ts";
import type { ForeignWeight } from "../../../hugging-face/format.ts";
import type { GptConfig } from "../configuration.ts";
import {
  createDecoderFormat,
  decoderFields,
  llamaFields,
  llamaLike,
  noSpecialIds,
  writeActivation,
} from "./decoder-format.ts";
import { decoderNames } from "./decoder-names.ts";

/** The Hugging Face format of Phi-3. */
export const phi3Format = createDecoderFormat({
  modelType: "phi3",
  architectures: ["Phi3ForCausalLM", "Phi3Model"],
  fields: {
    ...decoderFields({
      ...{ vocabulary: 32064, positions: 4096, hidden: 3072, feedForward: 8192, layers: 32, heads: 32 },
      epsilon: 1e-5,
    }),
    hidden_act: activationField.default("silu"),
    resid_pdrop: dropoutRate(0),
    sliding_window: count(1).nullable().default(null),
    partial_rotary_factor: z.number().positive().max(1).default(1),
  },
  // transformers has no dropout of embeddings, and the first files say by what attention was computed.
  harmless: ["embd_pdrop", "attention_bias"],
  support: { fixed: llamaLike, free: [...llamaFields, "attentionWindow", "rotaryFraction"], check: hasPhisRotary },
  rotary: {
    theta: 10_000,
    originalLength: 4096,
    types: ["default", "longrope"],
    typeAliases: { su: "longrope", yarn: "longrope" },
  },
  read: ({ hidden_act: activation, resid_pdrop: dropout, sliding_window: attentionWindow }) => ({
    activation,
    dropout,
    ...(dropout > 0 && { embeddingDropout: 0 }),
    attentionWindow,
  }),
  write: (config) => ({
    ...writeActivation(config),
    ...noSpecialIds,
    resid_pdrop: config.dropout,
    sliding_window: config.attentionWindow,
    partial_rotary_factor: config.rotaryFraction,
    original_max_position_embeddings: originalLength(config),
  }),
  names: fusedNames,
});

function hasPhisRotary({ rotaryScaling }: GptConfig): boolean {
  return rotaryScaling === undefined || rotaryScaling.type === "longrope";
}

const originalLength = ({ rotaryScaling, maxPositions }: GptConfig) =>
  rotaryScaling?.type === "longrope" ? rotaryScaling.originalMaxPositions : maxPositions;

/** Llama's names, but queries, keys and values lie below each other in one weight, and so do gate and input. */
function fusedNames(config: GptConfig): Map<string, ForeignWeight> {
  const { hiddenSize, numHeads, numKeyValueHeads = numHeads, headSize = hiddenSize / numHeads } = config;
  const wide = config.feedForwardSize ?? 4 * hiddenSize;
  const [queries, keys] = [numHeads * headSize, numKeyValueHeads * headSize];
  const ofAll = queries + 2 * keys;
  const fused: Record<string, { into: string; rows: NonNullable<ForeignWeight["rows"]> }> = {
    q_proj: { into: "qkv_proj", rows: { first: 0, count: queries, of: ofAll } },
    k_proj: { into: "qkv_proj", rows: { first: queries, count: keys, of: ofAll } },
    v_proj: { into: "qkv_proj", rows: { first: queries + keys, count: keys, of: ofAll } },
    gate_proj: { into: "gate_up_proj", rows: { first: 0, count: wide, of: 2 * wide } },
    up_proj: { into: "gate_up_proj", rows: { first: wide, count: wide, of: 2 * wide } },
  };
  return new Map(
    [...decoderNames(config)].map(([ours, theirs]) => {
      const part = Object.keys(fused).find((name) => theirs.name.endsWith(`.${name}.weight`));
      if (part === undefined) return [ours, theirs];
      const { into, rows } = fused[part]!;
      return [ours, { name: theirs.name.replace(`.${part}.`, `.${into}.`), rows }];
    }),
  );
}
