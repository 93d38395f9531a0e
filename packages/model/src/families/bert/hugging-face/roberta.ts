/** config.json of RoBERTa (Liu et al. 2019), and of XLM-R (Conneau et al. 2020) and CamemBERT (Martin et al. 2020), its copies. */
import { robertaArchitectures, robertaMarks } from "./architectures.ts";
import { baseSizes, createEncoderFormat } from "./encoder-format.ts";
import { robertaNames } from "./names.ts";

const shared = {
  prefix: "roberta.",
  architectures: robertaArchitectures,
  marks: robertaMarks,
  names: robertaNames,
  head: {
    weight: "lm_head.decoder.weight",
    embedding: "roberta.embeddings.word_embeddings.weight",
    bias: "lm_head.bias",
    decoderBias: "lm_head.decoder.bias",
  },
  fairseq: true,
  fields: {},
};

/** The Hugging Face format of RoBERTa. */
export const robertaFormat = createEncoderFormat({
  ...shared,
  modelType: "roberta",
  className: "Roberta",
  defaults: { ...baseSizes, vocabularySize: 50265 },
});

/** The Hugging Face format of XLM-R, whose models are written as RoBERTa's. */
export const xlmRobertaFormat = createEncoderFormat({
  ...shared,
  modelType: "xlm-roberta",
  className: "XLMRoberta",
  defaults: { ...baseSizes, vocabularySize: 30522 },
  readOnly: true,
});

/** The Hugging Face format of CamemBERT, whose models are written as RoBERTa's. */
export const camembertFormat = createEncoderFormat({
  ...shared,
  modelType: "camembert",
  className: "Camembert",
  defaults: { ...baseSizes, vocabularySize: 30522 },
  readOnly: true,
});
