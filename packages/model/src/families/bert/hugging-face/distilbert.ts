/** config.json of DistilBERT (Sanh et al. 2019): BERT without token types and pooler, with fields and weights by other names. */
import { dropoutRate, only } from "../../../hugging-face/config-json.ts";
import { poolerlessArchitectures } from "./architectures.ts";
import { baseSizes, createEncoderFormat } from "./encoder-format.ts";
import { distilBertNames } from "./names.ts";

/** The Hugging Face format of DistilBERT. */
export const distilBertFormat = createEncoderFormat({
  modelType: "distilbert",
  className: "DistilBert",
  prefix: "distilbert.",
  architectures: poolerlessArchitectures,
  marks: { languageModel: "vocab_transform.weight" },
  names: distilBertNames,
  head: {
    weight: "vocab_projector.weight",
    embedding: "distilbert.embeddings.word_embeddings.weight",
    bias: "vocab_projector.bias",
  },
  defaults: { ...baseSizes, layers: 6, vocabularySize: 30522 },
  taskActivation: "relu",
  renamed: {
    hidden_size: "dim",
    num_hidden_layers: "n_layers",
    num_attention_heads: "n_heads",
    intermediate_size: "hidden_dim",
    hidden_act: "activation",
    hidden_dropout_prob: "dropout",
    attention_probs_dropout_prob: "attention_dropout",
  },
  aliases: { hidden_size: "dim", num_hidden_layers: "n_layers", num_attention_heads: "n_heads" },
  without: ["type_vocab_size", "layer_norm_eps", "classifier_dropout"],
  fields: {
    seq_classif_dropout: dropoutRate(0.2),
    // Sinusoids are initial values of the embedding that the file holds.
    sinusoidal_pos_embds: only(false),
  },
  harmless: ["qa_dropout", "tie_weights_"],
  taskDropout: ({ seq_classif_dropout: dropout }, task) =>
    task === "sequence-classification" || task === "multiple-choice" ? dropout : undefined,
  write: ({ task, dropout }) =>
    task?.kind === "sequence-classification" || task?.kind === "multiple-choice"
      ? { seq_classif_dropout: task.dropout ?? dropout }
      : {},
  canSay: ({ embeddingSize, numLayerGroups, normEpsilon, heads }) =>
    embeddingSize === undefined &&
    numLayerGroups === undefined &&
    normEpsilon === 1e-12 &&
    !heads.pooler &&
    !heads.pair,
});
