/**
 * Megatron-LM's T5, which is no T5 but an encoder-decoder of Megatron's own blocks, with learned positions that both stacks
 * share and a bias of the tied head. What this library's encoder-decoder cannot compute is rejected by the name of its
 * argument.
 */
import { readArguments } from "../../megatron-lm/arguments.ts";
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
import type { EncoderDecoderConfig, EncoderDecoderConfigInput } from "./configuration.ts";

const positionsName = "embedding.position_embeddings.weight";

/** T5's checkpoints in Megatron-LM. */
export const t5MegatronLmFormat: MegatronLmFormat<EncoderDecoderConfig, EncoderDecoderConfigInput> = {
  modelType: "T5",
  supports: (names) => names.some((name) => /^decoder\..*\.inter_attention\./.test(name)),
  fromMegatronLm,
  names,
  copies: () => new Map([...embeddingCopies, ["position_embeddings.weight", positionsName]]),
  ignoredTensors: ignoredBlockTensors,
};

function fromMegatronLm(
  all: MegatronLmArguments,
  { vocabularySize, core }: MegatronLmContext,
): EncoderDecoderConfigInput {
  const args = readArguments(all);
  requireEncoderBlocks(args);
  const hiddenSize = args.size("hidden_size");
  const numLayers = args.has("encoder_num_layers") ? args.size("encoder_num_layers") : args.size("num_layers");
  return {
    family: "encoder-decoder",
    numLayers,
    numDecoderLayers: args.has("decoder_num_layers") ? args.size("decoder_num_layers") : args.size("num_layers"),
    hiddenSize,
    numHeads: args.size("num_attention_heads"),
    feedForwardSize: args.size("ffn_hidden_size", 4 * hiddenSize),
    activation: activationOf(args, { core, biases: true }),
    maxPositions: args.size("max_position_embeddings"),
    vocabularySize,
    normEpsilon: epsilonOf(args),
    logitsBias: true,
    dropout: args.number("hidden_dropout", 0.1),
    attentionDropout: args.number("attention_dropout", 0.1),
  };
}

function names(_: MegatronLmArguments, config: EncoderDecoderConfig): Map<string, MegatronLmWeight> {
  const { numDecoderLayers = config.numLayers } = config;
  const decoder = { ...config, numLayers: numDecoderLayers };
  return new Map([
    ["tokenEmbedding.weight", { name: "embedding.word_embeddings.weight" }],
    ["positionEmbedding.weight", { name: positionsName }],
    ...blockNames(config, { prefix: "encoder." }),
    ...blockNames(decoder, { prefix: "decoder.", crossAttention: true }),
    ["head.bias", { name: "lm_head.bias" }],
  ]);
}
