/**
 * config.json of ELECTRA (Clark et al. 2020): BERT without a pooler, whose embeddings may be narrower than its layers. Its
 * discriminator, which tells replaced tokens, is a task head here.
 */
import * as z from "zod";
import { count, fieldError } from "../../../hugging-face/config-json.ts";
import { electraArchitectures } from "./architectures.ts";
import { createEncoderFormat } from "./encoder-format.ts";
import { electraNames } from "./names.ts";

/** How a sequence is summarized for a choice: read where there is one. */
const summary = {
  summary_type: z.string().nullish(),
  summary_use_proj: z.boolean().nullish(),
  summary_activation: z.string().nullish(),
};
const summaryOfChoices = { summary_type: "first", summary_use_proj: true, summary_activation: "gelu" };

/** The Hugging Face format of ELECTRA. */
export const electraFormat = createEncoderFormat({
  modelType: "electra",
  className: "Electra",
  prefix: "electra.",
  architectures: electraArchitectures,
  marks: { languageModel: "generator_predictions.dense.weight" },
  names: electraNames,
  head: {
    weight: "generator_lm_head.weight",
    embedding: "electra.embeddings.word_embeddings.weight",
    bias: "generator_lm_head.bias",
  },
  defaults: { vocabularySize: 30522, hiddenSize: 256, layers: 12, heads: 4, feedForwardSize: 1024 },
  erfHead: true,
  taskActivation: "gelu-erf",
  fields: { hidden_size: count(256), embedding_size: count(128), ...summary },
  harmless: ["summary_last_dropout"],
  read(own, task) {
    for (const [field, value] of Object.entries(summaryOfChoices)) {
      const found = own[field as keyof typeof summaryOfChoices];
      if (task !== "multiple-choice" || found === undefined || found === value) continue;
      throw fieldError(field, `${found} is not supported in a model for choices: expected ${value}`);
    }
    return own.embedding_size === own.hidden_size ? {} : { embeddingSize: own.embedding_size };
  },
  write: ({ embeddingSize, hiddenSize }) => ({ embedding_size: embeddingSize ?? hiddenSize }),
  canSay: ({ numLayerGroups, embeddingSize, hiddenSize, heads }) =>
    numLayerGroups === undefined && embeddingSize !== hiddenSize && !heads.pooler && !heads.pair,
});
