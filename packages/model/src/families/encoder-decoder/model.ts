/**
 * Encoder-decoder of the blocks of Megatron (pre-LN, final norms) or of BERT (post-LN, a norm of the embeddings). Both
 * stacks share the embeddings, to which the head is tied. The decoder may also predict under a permutation: its query
 * stream starts from the position embeddings, and so adds no weight.
 */
import { causalRanges, narrowRanges, paddedRanges } from "@megatron-ts/attention";
import {
  createScope,
  createVocabularyParallelEmbedding,
  type Mesh,
  normal,
  type ParameterSource,
  truncatedNormal,
} from "@megatron-ts/parallel";
import * as tf from "@tensorflow/tfjs";
import { ModelError } from "../../errors.ts";
import { createMaskedLanguageHead } from "../../heads/masked-language.ts";
import type { BlockConfig } from "../../layers/block.ts";
import { createDecoderCache } from "../../layers/decoder-cache.ts";
import { createDense } from "../../layers/dense.ts";
import { dropAt } from "../../layers/dropout.ts";
import { memoryRangesOf } from "../../layers/memory-ranges.ts";
import { createNorm } from "../../layers/norm.ts";
import { positionsFrom } from "../../layers/positions.ts";
import { createRelativeAttention } from "../../layers/relative-attention.ts";
import { createStack } from "../../layers/stack.ts";
import { type PermutedInput, permutationBias, rowsAt, type Streams, splitStreams } from "../../layers/two-streams.ts";
import type { EncoderInput, EncoderModel, EncoderOptions, ForwardOptions } from "../../model.ts";
import type { DecoderOptions, MemoryInput, SequenceToSequenceModel, TargetInput } from "../../sequence-to-sequence.ts";
import type { EncoderDecoderConfig } from "./configuration.ts";
import { createPlaces } from "./positions.ts";

export interface EncoderDecoderModel extends SequenceToSequenceModel {
  readonly config: EncoderDecoderConfig;
  /** The encoder by itself, to be trained as one; it predicts tokens by the same tied head. */
  readonly encoder: EncoderModel;
  /** Final states of both streams of the decoder, which reads its tokens in the order of a permutation. */
  permuted(input: PermutedInput & MemoryInput, options?: EncoderOptions): Streams;
}

export function createEncoderDecoder(
  config: EncoderDecoderConfig,
  { mesh, source }: { mesh: Mesh; source: ParameterSource },
): EncoderDecoderModel {
  const { scope, parameters } = createScope({ mesh, source });
  const { hiddenSize, numHeads, maxPositions, normEpsilon, attentionWindow: window } = config;
  const { numLayers, numDecoderLayers = numLayers, vocabularySize, normPlacement, relativeDistances } = config;
  const { initializer } = initializersOf(config, numLayers);
  const tokenEmbedding = createVocabularyParallelEmbedding(scope.child("tokenEmbedding"), {
    vocabularySize,
    hiddenSize,
    initializer,
  });
  const places = createPlaces(scope, config, initializer);
  const embeddingNorm =
    normPlacement === "post" && !relativeDistances
      ? createNorm(scope.child("embeddingNorm"), { kind: "layer", size: hiddenSize, epsilon: normEpsilon })
      : (x: tf.Tensor) => x;
  const finalNorm = normPlacement === "pre";
  const finalDropout = relativeDistances ? config.dropout : 0;
  const encoder = createStack(scope.child("encoder"), {
    numLayers,
    block: blockConfig(config, numLayers),
    finalNorm,
    finalDropout,
  });
  const decoder = createStack(scope.child("decoder"), {
    numLayers: numDecoderLayers,
    block: { ...blockConfig(config, numDecoderLayers), crossAttention: attentionConfig(config, numDecoderLayers) },
    finalNorm,
    finalDropout,
  });
  const logits = config.headTransform
    ? createMaskedLanguageHead(
        scope.child("languageModelHead"),
        {
          hiddenSize,
          vocabularySize,
          activation: config.headActivation ?? config.activation,
          normEpsilon,
          initializer,
        },
        { tokenEmbedding },
      )
    : (states: tf.Tensor) => tokenEmbedding.logits(states);
  const square = { inputs: hiddenSize, outputs: hiddenSize, initializer };
  const pooler = config.pairHead ? createDense(scope.child("pooler"), square) : null;
  const pair = config.pairHead ? createDense(scope.child("pairHead"), { ...square, outputs: 2 }) : null;

  const embed = (
    { tokens, tokenTypes }: { tokens: tf.Tensor; tokenTypes?: tf.Tensor },
    positions: tf.Tensor,
    { inputEmbeddings }: ForwardOptions,
  ) => places.add(inputEmbeddings ?? tokenEmbedding.embed(tokens), { positions, tokenTypes });

  const settle = (site: string, x: tf.Tensor, { random }: ForwardOptions) =>
    dropAt(site, embeddingNorm(x), { rate: config.dropout, random });

  function encode(input: EncoderInput, options: EncoderOptions = {}): tf.Tensor {
    return tf.tidy(() => {
      const [batchSize, tokens] = input.tokens.shape as [number, number];
      const positions = input.positions ?? positionsFrom(new Int32Array(batchSize), { tokens, maxPositions });
      const lengths = input.lengths ?? new Int32Array(batchSize).fill(tokens);
      const ranges = input.ranges ?? paddedRanges({ tokens, lengths });
      const half = window && Math.floor(window / 2);
      return encoder(
        settle("encoder.embedding", embed(input, positions, options), options),
        {
          ranges: half === null ? ranges : narrowRanges(ranges, { before: half, after: half }),
          ...places.tell({ positions, tokenTypes: input.tokenTypes }, { site: "encoder", random: options.random }),
        },
        options,
      );
    });
  }

  function hidden(input: TargetInput, options: DecoderOptions = {}): tf.Tensor {
    const { cache } = options;
    return tf.tidy(() => {
      const [batchSize, tokens] = input.tokens.shape as [number, number];
      const offsets = cache?.lengths ?? new Int32Array(batchSize);
      const positions = input.positions ?? positionsFrom(offsets, { tokens, maxPositions });
      const ranges = input.ranges ?? causalRanges({ batchSize, tokens, offsets });
      return decoder(
        settle("decoder.embedding", embed(input, positions, options), options),
        {
          ranges: window === null ? ranges : narrowRanges(ranges, { before: window - 1, after: 0, offsets }),
          memory: input.memory,
          memoryRanges: memoryRangesOf(input, { tokens }),
          memoryCache: cache?.memory,
          ...places.tell(
            { positions, tokenTypes: cache ? undefined : input.tokenTypes, cache },
            { site: "decoder", random: options.random },
          ),
        },
        options,
      );
    });
  }

  function permuted(input: PermutedInput & MemoryInput, options: EncoderOptions = {}): Streams {
    return tf.tidy(() => {
      const { targets } = input;
      const [batchSize, tokens] = input.tokens.shape as [number, number];
      const rows = tokens + targets.shape[1]!;
      const positions = input.positions ?? positionsFrom(new Int32Array(batchSize), { tokens, maxPositions });
      const streams = tf.concat(
        [embed(input, positions, options), places.alone({ positions: rowsAt(positions, targets) })],
        1,
      );
      const states = decoder(
        settle("decoder.embedding", streams, options),
        {
          keyTokens: tokens,
          ranges: paddedRanges({ tokens: rows, lengths: new Int32Array(batchSize).fill(tokens) }),
          bias: permutationBias(input, { numHeads: numHeads / mesh.tensor.size, window }),
          memory: input.memory,
          memoryRanges: memoryRangesOf(input, { tokens: rows }),
        },
        options,
      );
      return splitStreams(states, { tokens }) as Streams & tf.NamedTensorMap;
    });
  }

  function dispose() {
    for (const { tensor } of parameters.values()) tensor.dispose();
  }
  const encoderModel: EncoderModel = {
    config,
    mesh,
    parameters,
    hidden: encode,
    logits,
    pooled: (states) => tf.tidy(() => tf.tanh((pooler ?? missing("pairHead"))(firstToken(states)))),
    pairLogits: (summary) => (pair ?? missing("pairHead"))(summary),
    taskLogits: () => missing("task"),
    dispose,
  };

  return {
    config,
    mesh,
    parameters,
    encoder: encoderModel,
    encode,
    hidden,
    permuted,
    logits,
    createCache: ({ batchSize, capacity }) =>
      createDecoderCache({
        numLayers: numDecoderLayers,
        batchSize,
        capacity,
        numHeads: numHeads / mesh.tensor.size,
        headSize: hiddenSize / numHeads,
      }),
    dispose,
  };
}

/** [B, S, h] -> [B, h] */
const firstToken = (states: tf.Tensor) => tf.squeeze(tf.slice(states, [0, 0, 0], [-1, 1, -1]), [1]);

function missing(part: string): never {
  throw new ModelError(`this encoder-decoder was built without that part: its ${part} is not set`);
}

/** Megatron's residual outputs start smaller by 1 / sqrt(2L); BERT draws from a truncated normal. */
function initializersOf({ normPlacement, initializerRange }: EncoderDecoderConfig, numLayers: number) {
  if (normPlacement === "post") {
    const initializer = truncatedNormal(initializerRange);
    return { initializer, outputInitializer: initializer };
  }
  return {
    initializer: normal(initializerRange),
    outputInitializer: normal(initializerRange / Math.sqrt(2 * numLayers)),
  };
}

const attentionConfig = (config: EncoderDecoderConfig, numLayers: number) => ({
  numHeads: config.numHeads,
  attentionDropout: config.attentionDropout,
  ...initializersOf(config, numLayers),
});

function blockConfig(config: EncoderDecoderConfig, numLayers: number): BlockConfig {
  const { hiddenSize, normPlacement, normEpsilon, dropout, activation, feedForwardSize = 4 * hiddenSize } = config;
  const { relativeDistances } = config;
  return {
    hiddenSize,
    normPlacement,
    norm: { kind: "layer", epsilon: normEpsilon },
    dropout,
    attention: attentionConfig(config, numLayers),
    createAttention: relativeDistances ? createRelativeAttention : undefined,
    feedForward: {
      feedForwardSize,
      activation,
      innerDropout: relativeDistances ? dropout : 0,
      ...initializersOf(config, numLayers),
    },
  };
}
