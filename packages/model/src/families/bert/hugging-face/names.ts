/** The weights of BERT, Megatron's BERT and RoBERTa in Hugging Face's format: our name -> theirs, for the parts that are there. */

import type { ForeignWeight } from "../../../hugging-face/format.ts";
import type { BertConfig } from "../configuration.ts";

type Names = readonly (readonly [ours: string, theirs: string])[];

/** A layer's weight and bias. */
const both = (ours: string, theirs: string): Names => [
  [`${ours}.weight`, `${theirs}.weight`],
  [`${ours}.bias`, `${theirs}.bias`],
];

const embeddings: Names = [
  ["tokenEmbedding.weight", "embeddings.word_embeddings.weight"],
  ["positionEmbedding.weight", "embeddings.position_embeddings.weight"],
];
const tokenTypes: Names = [["tokenTypeEmbedding.weight", "embeddings.token_type_embeddings.weight"]];
const embeddingNorm = both("embeddingNorm", "embeddings.LayerNorm");
const finalNorm = both("finalNorm", "encoder.ln");

const projections: Names = [
  ...both("attention.query", "attention.self.query"),
  ...both("attention.key", "attention.self.key"),
  ...both("attention.value", "attention.self.value"),
  ...both("attention.output", "attention.output.dense"),
  ...both("feedForward.input", "intermediate.dense"),
  ...both("feedForward.output", "output.dense"),
];
/** Norms of a layer: behind each branch, and before it. */
const layerNorms: Readonly<Record<BertConfig["normPlacement"], Names>> = {
  post: [...both("attentionNorm", "attention.output.LayerNorm"), ...both("feedForwardNorm", "output.LayerNorm")],
  pre: [...both("attentionNorm", "attention.ln"), ...both("feedForwardNorm", "ln")],
};

const pooler = both("pooler", "pooler.dense");

/** Of BERT and Megatron's BERT. */
const bertLanguageModelHead: Names = [
  ...both("languageModelHead.dense", "cls.predictions.transform.dense"),
  ...both("languageModelHead.norm", "cls.predictions.transform.LayerNorm"),
  ["languageModelHead.bias", "cls.predictions.bias"],
];
const bertPairHead = both("pairHead", "cls.seq_relationship");

const robertaLanguageModelHead: Names = [
  ...both("languageModelHead.dense", "lm_head.dense"),
  ...both("languageModelHead.norm", "lm_head.layer_norm"),
  ["languageModelHead.bias", "lm_head.bias"],
];

type Parts = Pick<BertConfig, "numLayers" | "numTokenTypes" | "normPlacement" | "heads" | "task">;

/** The encoder under its prefix. */
function encoderNames({ numLayers, numTokenTypes, normPlacement, heads }: Parts, prefix: string): Names {
  const layer = [...projections, ...layerNorms[normPlacement]];
  const layers = Array.from({ length: numLayers }, (_, index) =>
    layer.map(([ours, theirs]) => [`layers.${index}.${ours}`, `encoder.layer.${index}.${theirs}`] as const),
  ).flat();
  const names = [
    ...embeddings,
    ...(numTokenTypes > 0 ? tokenTypes : []),
    ...(normPlacement === "post" ? embeddingNorm : []),
    ...layers,
    ...(normPlacement === "pre" ? finalNorm : []),
    ...(heads.pooler ? pooler : []),
  ];
  return names.map(([ours, theirs]) => [ours, `${prefix}${theirs}`]);
}

const asMap = (names: Names): Map<string, ForeignWeight> => new Map(names.map(([ours, name]) => [ours, { name }]));

/** Of BERT; the norms' names are Megatron's where the norms stand before the branches. */
export function bertNames(config: Parts): Map<string, ForeignWeight> {
  const { heads, task } = config;
  const ownDense = task?.kind === "sequence-classification" && !heads.pooler;
  return asMap([
    ...encoderNames(config, "bert."),
    ...(heads.languageModel ? bertLanguageModelHead : []),
    ...(heads.pair ? bertPairHead : []),
    // Theirs pools always: a head with a dense layer of its own is a pooler and a head without.
    ...(ownDense ? both("taskHead.dense", "bert.pooler.dense") : []),
    ...(task ? both("taskHead.output", task.kind === "question-answering" ? "qa_outputs" : "classifier") : []),
  ]);
}

export function robertaNames(config: Parts): Map<string, ForeignWeight> {
  const { heads, task } = config;
  const classifies = task?.kind === "sequence-classification";
  const output = { "sequence-classification": "classifier.out_proj", "token-classification": "classifier" };
  return asMap([
    ...encoderNames(config, "roberta."),
    ...(heads.languageModel ? robertaLanguageModelHead : []),
    // Theirs never pools for its classifier: a pooler is that head's dense layer.
    ...(classifies ? both(heads.pooler ? "pooler" : "taskHead.dense", "classifier.dense") : []),
    ...(task ? both("taskHead.output", task.kind === "question-answering" ? "qa_outputs" : output[task.kind]) : []),
  ]);
}
