/** The weights of BERT and its successors in Hugging Face's format: our name -> theirs, for the parts that are there. */

import type { TaskHeadConfig } from "../../../heads/configuration.ts";
import { readsSummary } from "../../../heads/task-head.ts";
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

type Parts = Pick<
  BertConfig,
  "numLayers" | "numTokenTypes" | "normPlacement" | "heads" | "task" | "embeddingSize" | "numLayerGroups"
>;

/** Names of a layer's parts, and what the encoder has by other names. */
interface EncoderLayout {
  /** The name of layer `index`. */
  layer: (index: number) => string;
  names: Names;
  projection?: string;
  pooler?: string;
}

const bertLayout = (normPlacement: BertConfig["normPlacement"]): EncoderLayout => ({
  layer: (index) => `encoder.layer.${index}`,
  names: [...projections, ...layerNorms[normPlacement]],
});

/** The encoder under its prefix. */
function encoderNames(
  { numLayers, numTokenTypes, normPlacement, heads, embeddingSize, numLayerGroups = numLayers }: Parts,
  prefix: string,
  layout = bertLayout(normPlacement),
): Names {
  const layers = Array.from({ length: numLayerGroups }, (_, index) =>
    layout.names.map(([ours, theirs]) => [`layers.${index}.${ours}`, `${layout.layer(index)}.${theirs}`] as const),
  ).flat();
  const names = [
    ...embeddings,
    ...(numTokenTypes > 0 ? tokenTypes : []),
    ...(normPlacement === "post" ? embeddingNorm : []),
    ...(embeddingSize === undefined ? [] : both("embeddingProjection", layout.projection ?? "embeddings_project")),
    ...layers,
    ...(normPlacement === "pre" ? finalNorm : []),
    ...(heads.pooler ? both("pooler", layout.pooler ?? "pooler.dense") : []),
  ];
  return names.map(([ours, theirs]) => [ours, `${prefix}${theirs}`]);
}

const asMap = (names: Names): Map<string, ForeignWeight> => new Map(names.map(([ours, name]) => [ours, { name }]));

/** The last layer of a task head, whose name differs for sequences where that head has a dense layer of its own. */
const outputOf = ({ kind }: TaskHeadConfig, ofSequences = "classifier"): string =>
  kind === "question-answering" ? "qa_outputs" : kind === "sequence-classification" ? ofSequences : "classifier";

/** Of BERT; the norms' names are Megatron's where the norms stand before the branches. */
export function bertNames(config: Parts): Map<string, ForeignWeight> {
  const { heads, task } = config;
  const ownDense = readsSummary(task) && !heads.pooler;
  return asMap([
    ...encoderNames(config, "bert."),
    ...(heads.languageModel ? bertLanguageModelHead : []),
    ...(heads.pair ? bertPairHead : []),
    // Theirs pools always: a head with a dense layer of its own is a pooler and a head without.
    ...(ownDense ? both("taskHead.dense", "bert.pooler.dense") : []),
    ...(task ? both("taskHead.output", outputOf(task)) : []),
  ]);
}

/** Of RoBERTa and, with the projections of its global attention, Longformer. */
function fairseqNames(config: Parts, { prefix, layout }: { prefix: string; layout?: EncoderLayout }) {
  const { heads, task } = config;
  const classifies = task?.kind === "sequence-classification";
  return asMap([
    ...encoderNames(config, prefix, layout),
    ...(heads.languageModel ? robertaLanguageModelHead : []),
    // Theirs pools for choices, and never for its classifier: there a pooler is that head's dense layer.
    ...(task?.kind === "multiple-choice" && !heads.pooler ? both("taskHead.dense", `${prefix}pooler.dense`) : []),
    ...(classifies ? both(heads.pooler ? "pooler" : "taskHead.dense", "classifier.dense") : []),
    ...(task ? both("taskHead.output", outputOf(task, "classifier.out_proj")) : []),
  ]);
}

/** Of RoBERTa. */
export const robertaNames = (config: Parts) => fairseqNames(config, { prefix: "roberta." });

const ofRoberta = bertLayout("post");
const longformerLayout: EncoderLayout = {
  ...ofRoberta,
  names: [
    ...ofRoberta.names,
    ...both("attention.globalQuery", "attention.self.query_global"),
    ...both("attention.globalKey", "attention.self.key_global"),
    ...both("attention.globalValue", "attention.self.value_global"),
  ],
};

/** Of Longformer. */
export const longformerNames = (config: Parts) =>
  fairseqNames(config, { prefix: "longformer.", layout: longformerLayout });

const distilBertLayout: EncoderLayout = {
  layer: (index) => `transformer.layer.${index}`,
  names: [
    ...both("attention.query", "attention.q_lin"),
    ...both("attention.key", "attention.k_lin"),
    ...both("attention.value", "attention.v_lin"),
    ...both("attention.output", "attention.out_lin"),
    ...both("attentionNorm", "sa_layer_norm"),
    ...both("feedForward.input", "ffn.lin1"),
    ...both("feedForward.output", "ffn.lin2"),
    ...both("feedForwardNorm", "output_layer_norm"),
  ],
};

/** Of DistilBERT. */
export function distilBertNames(config: Parts): Map<string, ForeignWeight> {
  const { heads, task } = config;
  return asMap([
    ...encoderNames(config, "distilbert.", distilBertLayout),
    ...(heads.languageModel
      ? [
          ...both("languageModelHead.dense", "vocab_transform"),
          ...both("languageModelHead.norm", "vocab_layer_norm"),
          ["languageModelHead.bias", "vocab_projector.bias"] as const,
        ]
      : []),
    ...(readsSummary(task) ? both("taskHead.dense", "pre_classifier") : []),
    ...(task ? both("taskHead.output", outputOf(task)) : []),
  ]);
}

const electraHead = (task: TaskHeadConfig): Names =>
  task.kind === "replaced-token-detection"
    ? [
        ...both("taskHead.dense", "discriminator_predictions.dense"),
        ...both("taskHead.output", "discriminator_predictions.dense_prediction"),
      ]
    : both("taskHead.output", outputOf(task, "classifier.out_proj"));

/** Of ELECTRA. */
export function electraNames(config: Parts): Map<string, ForeignWeight> {
  const { heads, task } = config;
  return asMap([
    ...encoderNames(config, "electra."),
    ...(heads.languageModel
      ? [
          ...both("languageModelHead.dense", "generator_predictions.dense"),
          ...both("languageModelHead.norm", "generator_predictions.LayerNorm"),
          ["languageModelHead.bias", "generator_lm_head.bias"] as const,
        ]
      : []),
    ...(task?.kind === "sequence-classification" ? both("taskHead.dense", "classifier.dense") : []),
    ...(task?.kind === "multiple-choice" ? both("taskHead.dense", "sequence_summary.summary") : []),
    ...(task ? electraHead(task) : []),
  ]);
}

const albertLayout: EncoderLayout = {
  layer: (index) => `encoder.albert_layer_groups.${index}.albert_layers.0`,
  names: [
    ...both("attention.query", "attention.query"),
    ...both("attention.key", "attention.key"),
    ...both("attention.value", "attention.value"),
    ...both("attention.output", "attention.dense"),
    ...both("attentionNorm", "attention.LayerNorm"),
    ...both("feedForward.input", "ffn"),
    ...both("feedForward.output", "ffn_output"),
    ...both("feedForwardNorm", "full_layer_layer_norm"),
  ],
  projection: "encoder.embedding_hidden_mapping_in",
  pooler: "pooler",
};

/** Of ALBERT. */
export function albertNames(config: Parts): Map<string, ForeignWeight> {
  const { heads, task } = config;
  const ownDense = readsSummary(task) && !heads.pooler;
  return asMap([
    ...encoderNames(config, "albert.", albertLayout),
    ...(heads.languageModel
      ? [
          ...both("languageModelHead.dense", "predictions.dense"),
          ...both("languageModelHead.norm", "predictions.LayerNorm"),
          ["languageModelHead.bias", "predictions.bias"] as const,
        ]
      : []),
    ...(heads.pair ? both("pairHead", "sop_classifier.classifier") : []),
    ...(ownDense ? both("taskHead.dense", "albert.pooler") : []),
    ...(task ? both("taskHead.output", outputOf(task)) : []),
  ]);
}
