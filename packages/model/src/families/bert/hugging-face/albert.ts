/** config.json of ALBERT (Lan et al. 2020): BERT whose layers share their weights, and whose embeddings are narrower than they. */
import { count, dropoutRate, layers, only } from "../../../hugging-face/config-json.ts";
import { albertArchitectures } from "./architectures.ts";
import { createEncoderFormat } from "./encoder-format.ts";
import { albertNames } from "./names.ts";

/** The Hugging Face format of ALBERT. */
export const albertFormat = createEncoderFormat({
  modelType: "albert",
  className: "Albert",
  prefix: "albert.",
  architectures: albertArchitectures,
  marks: {
    pooler: "albert.pooler.weight",
    languageModel: "predictions.dense.weight",
    pair: "sop_classifier.classifier.weight",
  },
  names: albertNames,
  head: {
    weight: "predictions.decoder.weight",
    embedding: "albert.embeddings.word_embeddings.weight",
    bias: "predictions.bias",
    decoderBias: "predictions.decoder.bias",
  },
  defaults: {
    ...{ vocabularySize: 30000, hiddenSize: 4096, layers: 12, heads: 64, feedForwardSize: 16384 },
    ...{ activation: "gelu-tanh", dropout: 0 },
  },
  without: ["classifier_dropout"],
  fields: {
    embedding_size: count(128),
    num_hidden_groups: layers(1),
    inner_group_num: only(1),
    classifier_dropout_prob: dropoutRate(0.1),
  },
  // Of the first files: neither was ever read.
  harmless: ["net_structure_type", "gap_size", "num_memory_blocks", "down_scale_factor"],
  read: ({ embedding_size: embeddingSize, num_hidden_groups: numLayerGroups }) => ({ embeddingSize, numLayerGroups }),
  taskDropout: ({ classifier_dropout_prob: dropout }) => dropout,
  write: ({ embeddingSize, numLayerGroups, task, dropout }) => ({
    embedding_size: embeddingSize,
    num_hidden_groups: numLayerGroups,
    ...(task && "labels" in task ? { classifier_dropout_prob: task.dropout ?? dropout } : {}),
  }),
  canSay: ({ numLayerGroups, embeddingSize }) => numLayerGroups !== undefined && embeddingSize !== undefined,
});
