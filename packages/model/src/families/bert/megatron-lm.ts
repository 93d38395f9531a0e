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
  requireEncoderBlocks,
} from "../../megatron-lm/blocks.ts";
import type {
  MegatronLmArguments,
  MegatronLmContext,
  MegatronLmFormat,
  MegatronLmWeight,
} from "../../megatron-lm/format.ts";
import type { BertConfig, BertConfigInput } from "./configuration.ts";

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
  requireEncoderBlocks(args);
  const hiddenSize = args.size("hidden_size");
  const segments = args.flag("bert_binary_head", true);
  return {
    family: "bert",
    numLayers: args.size("num_layers"),
    hiddenSize,
    numHeads: args.size("num_attention_heads"),
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
  const found = blockNames(config);
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
