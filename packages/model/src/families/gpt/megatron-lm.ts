/**
 * GPT in checkpoints of Megatron-LM, by the arguments of 2019 (v1.0) to today (Megatron Core): learned or rotary positions,
 * layer or RMS norm, GELU or SwiGLU, grouped queries, with or without biases, tied or untied. What this library's GPT cannot
 * compute is rejected by the name of its argument.
 */

import { type ArgumentReader, readArguments } from "../../megatron-lm/arguments.ts";
import {
  activationOf,
  blockNames,
  embeddingCopies,
  epsilonOf,
  hasZeroCenteredNorms,
  ignoredBlockTensors,
  requireOrdinaryBlocks,
} from "../../megatron-lm/blocks.ts";
import type {
  MegatronLmArguments,
  MegatronLmContext,
  MegatronLmFormat,
  MegatronLmWeight,
} from "../../megatron-lm/format.ts";
import type { GptConfig, GptConfigInput } from "./configuration.ts";

/** GPT's checkpoints in Megatron-LM. */
export const gptMegatronLmFormat: MegatronLmFormat<GptConfig, GptConfigInput> = {
  modelType: "GPT",
  supports: (names) =>
    !names.some((name) => /tokentype_embeddings|binary_head|pooler|lm_head|(inter|cross)_attention/.test(name)),
  fromMegatronLm,
  names,
  copies(args) {
    const untied = readArguments(args).flag("untie_embeddings_and_output_weights", false);
    return untied ? new Map() : embeddingCopies;
  },
  ignoredTensors: ignoredBlockTensors,
};

function fromMegatronLm(all: MegatronLmArguments, { vocabularySize, core }: MegatronLmContext): GptConfigInput {
  const args = readArguments(all);
  requireOrdinaryBlocks(args);
  const hiddenSize = args.size("hidden_size");
  const numHeads = args.size("num_attention_heads");
  const headSize = args.size("kv_channels", hiddenSize / numHeads);
  if (args.has("softmax_scale") && Math.abs(args.number("softmax_scale") * Math.sqrt(headSize) - 1) > 1e-6) {
    args.reject("softmax_scale", `None or 1 / sqrt(${headSize})`);
  }
  const biases = args.flag("add_bias_linear", true);
  const gated = args.flag("swiglu", false);
  return {
    family: "gpt",
    numLayers: args.size("num_layers"),
    hiddenSize,
    numHeads,
    numKeyValueHeads: args.flag("group_query_attention", false) ? args.size("num_query_groups") : numHeads,
    headSize,
    feedForwardSize: args.size("ffn_hidden_size", 4 * hiddenSize),
    gatedFeedForward: gated,
    activation: gated ? "silu" : activationOf(args, { core, biases }),
    ...positionsOf(args),
    maxPositions: args.size("max_position_embeddings"),
    vocabularySize,
    norm: args.oneOf("normalization", ["LayerNorm", "RMSNorm"], "LayerNorm") === "RMSNorm" ? "rms" : "layer",
    normEpsilon: epsilonOf(args),
    biases,
    tiedEmbeddings: !args.flag("untie_embeddings_and_output_weights", false),
    dropout: args.number("hidden_dropout", 0.1),
    attentionDropout: args.number("attention_dropout", 0.1),
  };
}

function positionsOf(args: ArgumentReader): Pick<GptConfigInput, "positions" | "rotaryTheta"> {
  const rotary = args.flag("use_rotary_position_embeddings", false);
  const type = args.oneOf("position_embedding_type", ["learned_absolute", "rope"], "learned_absolute");
  if (rotary || type === "rope") return { positions: "rotary", rotaryTheta: args.number("rotary_base", 10_000) };
  args.require("add_position_embedding", true);
  return { positions: "learned" };
}

function names(all: MegatronLmArguments, config: GptConfig): Map<string, MegatronLmWeight> {
  const found = blockNames(config, { zeroCentered: hasZeroCenteredNorms(readArguments(all)) });
  found.set("tokenEmbedding.weight", { name: "embedding.word_embeddings.weight" });
  if (config.positions !== "rotary") {
    found.set("positionEmbedding.weight", { name: "embedding.position_embeddings.weight" });
  }
  if (config.tiedEmbeddings === false) found.set("head.weight", { name: "output_layer.weight" });
  return found;
}
