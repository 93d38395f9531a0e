/** config.json of BERT (Devlin et al. 2019) and of Megatron's BERT (Shoeybi et al. 2019). */
import { bertArchitectures, bertMarks } from "./architectures.ts";
import { baseSizes, createEncoderFormat, type HeadWeights } from "./encoder-format.ts";
import { bertNames } from "./names.ts";

const head: HeadWeights = {
  weight: "cls.predictions.decoder.weight",
  embedding: "bert.embeddings.word_embeddings.weight",
  bias: "cls.predictions.bias",
  decoderBias: "cls.predictions.decoder.bias",
};

const shared = {
  prefix: "bert.",
  architectures: bertArchitectures,
  marks: bertMarks,
  names: bertNames,
  head,
  fields: {},
};

/** The Hugging Face format of BERT. */
export const bertFormat = createEncoderFormat({
  ...shared,
  modelType: "bert",
  className: "Bert",
  defaults: { ...baseSizes, vocabularySize: 30522 },
});

/** The Hugging Face format of Megatron's BERT. */
export const megatronBertFormat = createEncoderFormat({
  ...shared,
  modelType: "megatron-bert",
  className: "MegatronBert",
  normPlacement: "pre",
  defaults: { vocabularySize: 29056, hiddenSize: 1024, layers: 24, heads: 16, feedForwardSize: 4096 },
});
