/**
 * BERT in checkpoints of Megatron-LM, of the classes before Megatron Core and of Megatron Core: norms before the branches, a
 * head that predicts tokens, and unless `bert_binary_head` is off segments, a pooler and a head for pairs of them. What this
 * library's BERT cannot compute is rejected by the name of its argument.
 */
import { type ArgumentReader, readArguments } from "../../megatron-lm/arguments.ts";
import {
  activationOf,
  blockNames,
  embeddingCopies,
  epsilonOf,
  ignoredBlockTensors,
  requireOrdinaryBlocks,
} from "../../megatron-lm/blocks.ts";
import type {
  MegatronLmArguments,
  MegatronLmContext,
  MegatronLmFormat,
  MegatronLmWeight,
} from "../../megatron-lm/format.ts";
import type { BertConfig, BertConfigInput } from "./configuration.ts";

/** Arguments that only other families of this library support, and their only supported value besides None. */
const ORDINARY: Readonly<Record<string, unknown>> = {
  normalization: "LayerNorm",
  apply_layernorm_1p: false,
  layernorm_zero_centered_gamma: false,
  group_query_attention: false,
  add_bias_linear: true,
  swiglu: false,
  position_embedding_type: "learned_absolute",
  use_rotary_position_embeddings: false,
  add_position_embedding: true,
  untie_embeddings_and_output_weights: false,
};

/** BERT's checkpoints in Megatron-LM. */
export const bertMegatronLmFormat: MegatronLmFormat<BertConfig, BertConfigInput> = {
  modelType: "BERT",
  supports: (names) =>
    names.some((name) => /^lm_head\.dense\./.test(name)) && !names.some((name) => /(inter|cross)_attention/.test(name)),
  fromMegatronLm,
  names,
  copies: () => embeddingCopies,
  ignoredTensors: ignoredBlockTensors,
};

function fromMegatronLm(all: MegatronLmArguments, { vocabularySize, core }: MegatronLmContext): BertConfigInput {
  const args = readArguments(all);
  requireOrdinaryBlocks(args);
  for (const [name, value] of Object.entries(ORDINARY)) args.require(name, value);
  const hiddenSize = args.size("hidden_size");
  const numHeads = args.size("num_attention_heads");
  args.require("kv_channels", hiddenSize / numHeads);
  args.require("softmax_scale", 1 / Math.sqrt(hiddenSize / numHeads));
  const segments = args.flag("bert_binary_head", true);
  return {
    family: "bert",
    numLayers: args.size("num_layers"),
    hiddenSize,
    numHeads,
    feedForwardSize: args.size("ffn_hidden_size", 4 * hiddenSize),
    activation: activationOf(args, { core, biases: true }),
    headActivation: headActivationOf(args, core),
    maxPositions: args.size("max_position_embeddings"),
    numTokenTypes: segments ? 2 : 0,
    vocabularySize,
    normPlacement: "pre",
    normEpsilon: epsilonOf(args),
    heads: { pooler: segments, languageModel: true, pair: segments },
    dropout: args.number("hidden_dropout", 0.1),
    attentionDropout: args.number("attention_dropout", 0.1),
  };
}

/** The head's GELU is not fused. Before Megatron Core `openai_gelu` chose its form; 2019's releases, without it, differ. */
function headActivationOf(args: ArgumentReader, core: boolean): BertConfig["activation"] {
  if (core) return "gelu-erf";
  if (!args.has("openai_gelu")) args.reject("openai_gelu", "True or False, which says how its head was computed");
  return args.flag("openai_gelu", false) ? "gelu-tanh" : "gelu-erf";
}

function names(_: MegatronLmArguments, config: BertConfig): Map<string, MegatronLmWeight> {
  const found = blockNames(config, { zeroCentered: false });
  const both = (ours: string, theirs: string) => {
    for (const kind of ["weight", "bias"]) found.set(`${ours}.${kind}`, { name: `${theirs}.${kind}` });
  };
  found.set("tokenEmbedding.weight", { name: "embedding.word_embeddings.weight" });
  found.set("positionEmbedding.weight", { name: "embedding.position_embeddings.weight" });
  if (config.numTokenTypes > 0) {
    found.set("tokenTypeEmbedding.weight", { name: "embedding.tokentype_embeddings.weight" });
  }
  both("languageModelHead.dense", "lm_head.dense");
  both("languageModelHead.norm", "lm_head.layernorm");
  found.set("languageModelHead.bias", { name: "lm_head.bias" });
  if (config.heads.pooler) both("pooler", "pooler.dense");
  if (config.heads.pair) both("pairHead", "binary_head");
  return found;
}
