/** The family of BERT's encoders: BERT, Megatron's BERT, RoBERTa, Longformer, DistilBERT, ELECTRA and ALBERT. */

import { isDense } from "../../configuration-fields.ts";
import { describeLayers } from "../../description.ts";
import { defineFamily } from "../../family.ts";
import { readsSummary } from "../../heads/task-head.ts";
import { bertConfigSchema } from "./configuration.ts";
import { bertEncoderInit } from "./encoder-init.ts";
import { albertFormat } from "./hugging-face/albert.ts";
import { bertFormat, megatronBertFormat } from "./hugging-face/bert.ts";
import { distilBertFormat } from "./hugging-face/distilbert.ts";
import { electraFormat } from "./hugging-face/electra.ts";
import { longformerFormat } from "./hugging-face/longformer.ts";
import { camembertFormat, robertaFormat, xlmRobertaFormat } from "./hugging-face/roberta.ts";
import { bertMegatronLmFormat } from "./megatron-lm.ts";
import { createBert } from "./model.ts";
import { bertPresets } from "./presets.ts";

export const bert = defineFamily({
  schema: bertConfigSchema,
  create: createBert,
  presets: bertPresets,
  formats: [
    bertFormat,
    megatronBertFormat,
    robertaFormat,
    xlmRobertaFormat,
    camembertFormat,
    distilBertFormat,
    electraFormat,
    longformerFormat,
    albertFormat,
  ],
  hasStages: true,
  keepsTokensTogether: ({ globalProjections }) => (globalProjections ? "models with globalProjections" : null),
  megatronLm: bertMegatronLmFormat,
  predicts: ["masked"],
  objective: "masked",
  generation: { writes: [], fills: ["masked"] },
  describe: (config) => ({
    hiddenSize: config.hiddenSize,
    vocabularySize: config.vocabularySize,
    layers: describeLayers(config, { causal: false }),
    headLayers: 1,
  }),
  // RoBERTa's positions start after the padding token's own.
  longestSequence: ({ maxPositions = Number.POSITIVE_INFINITY, paddingToken = -1 }) => maxPositions - paddingToken - 1,
  positionsOf: (config) => ({
    kind: "learned",
    name: "positionEmbedding.weight",
    reserved: (config.paddingToken ?? -1) + 1,
    inMaxPositions: true,
    window: isDense(config),
  }),
  pairHead: ({ heads }) => ({
    field: "heads",
    without: "{ pooler: false, languageModel: true, pair: false }",
    present: heads.pooler || heads.pair,
    predicts: heads.pair,
    weights: [...(heads.pooler ? ["pooler"] : []), ...(heads.pair ? ["pairHead"] : [])],
  }),
  withTask: (config, task) => {
    const pooler = config.heads.pooler && readsSummary(task);
    return { ...config, heads: { pooler, languageModel: false, pair: false }, tiedEmbeddings: true, task };
  },
  encoderInit: bertEncoderInit,
});
