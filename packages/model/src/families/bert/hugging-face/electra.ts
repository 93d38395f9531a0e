/**
 * config.json of ELECTRA (Clark et al. 2020): BERT without a pooler, whose embeddings may be narrower than its layers. Its
 * discriminator, which tells replaced tokens, is a task head here.
 */
import { count } from "../../../hugging-face/config-json.ts";
import { electraArchitectures } from "./architectures.ts";
import { createEncoderFormat } from "./encoder-format.ts";
import { electraNames } from "./names.ts";

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
  fields: { hidden_size: count(256), embedding_size: count(128) },
  // Of a head for multiple choice.
  harmless: ["summary_type", "summary_use_proj", "summary_activation", "summary_last_dropout"],
  read: ({ hidden_size: hidden, embedding_size: own }) => (own === hidden ? {} : { embeddingSize: own }),
  write: ({ embeddingSize, hiddenSize }) => ({ embedding_size: embeddingSize ?? hiddenSize }),
  canSay: ({ numLayerGroups, embeddingSize, hiddenSize, heads }) =>
    numLayerGroups === undefined && embeddingSize !== hiddenSize && !heads.pooler && !heads.pair,
});
