/**
 * Decoder-only models: Megatron's GPT (Shoeybi et al. 2019) and GPT-2; by configuration, Llama (Touvron et al. 2023).
 */
import { causalRanges, createCache } from "@megatron-ts/attention";
import { embedding } from "@megatron-ts/ops";
import {
  createColumnParallelLinear,
  createScope,
  createVocabularyParallelEmbedding,
  normal,
  type Scope,
} from "@megatron-ts/parallel";
import * as tf from "@tensorflow/tfjs";
import type { ModelContext } from "../../family.ts";
import { type BlockConfig, createBlock, runBlocks } from "../../layers/block.ts";
import { dropAt } from "../../layers/dropout.ts";
import { blockInitializers } from "../../layers/initializers.ts";
import { createNorm } from "../../layers/norm.ts";
import { positionsFrom } from "../../layers/positions.ts";
import { rotaryTables } from "../../layers/rotary.ts";
import type { CausalInput, CausalModel, CausalOptions, ForwardOptions, ForwardOutput } from "../../model.ts";
import type { GptConfig } from "./configuration.ts";

/** A decoder-only model. */
export interface GptModel extends CausalModel {
  readonly config: GptConfig;
}

/** Builds the model that a configuration describes. */
export function createGpt(config: GptConfig, { mesh, source }: ModelContext): GptModel {
  const { scope, parameters } = createScope({ mesh, source });
  const { numLayers, hiddenSize, numHeads, vocabularySize, maxPositions, dropout, rotaryTheta } = config;
  const headSize = config.headSize ?? hiddenSize / numHeads;
  const initializer = normal(config.initializerRange);
  const norm = { kind: config.norm, epsilon: config.normEpsilon };

  const tokenEmbedding = createVocabularyParallelEmbedding(scope.child("tokenEmbedding"), {
    vocabularySize,
    hiddenSize,
    initializer,
  });
  const positionTable =
    config.positions === "learned"
      ? scope.child("positionEmbedding").parameter("weight", [maxPositions, hiddenSize], initializer)
      : null;
  const blocks = Array.from({ length: numLayers }, (_, index) =>
    createBlock(scope.child("layers").child(index), blockConfig(config)),
  );
  const finalNorm = createNorm(scope.child("finalNorm"), { ...norm, size: hiddenSize });
  const head = config.tiedEmbeddings ? tokenEmbedding.logits : createHead(scope, config);

  function embed(tokens: tf.Tensor, positions: tf.Tensor, { inputEmbeddings, random }: ForwardOptions) {
    const words = inputEmbeddings ?? tokenEmbedding.embed(tokens);
    const placed = positionTable ? tf.add(words, embedding(positions, { table: positionTable.tensor })) : words.clone();
    return dropAt("embedding", placed, { rate: config.embeddingDropout ?? dropout, random });
  }

  function forward(input: CausalInput, options: CausalOptions = {}): ForwardOutput {
    const { cache, observe, random, recompute: recomputation } = options;
    return tf.tidy(() => {
      const [batchSize, tokens] = input.tokens.shape as [number, number];
      const offsets = cache?.lengths ?? new Int32Array(batchSize);
      const positions = input.positions ?? positionsFrom(offsets, { tokens, maxPositions });
      const ranges = input.ranges ?? causalRanges({ batchSize, tokens, offsets });
      const turned =
        config.positions === "rotary"
          ? rotaryTables(positions, { headSize, theta: rotaryTheta, scaling: config.rotaryScaling })
          : {};
      const x = embed(input.tokens, positions, options);
      observe?.("embedding", x);
      const contextOf = (index: number) => ({ ranges, ...turned, cache: cache?.layer(index), random, observe });
      const normalised = finalNorm(runBlocks(blocks, x, { contextOf, recomputation, observe }));
      observe?.("finalNorm", normalised);
      return { hidden: normalised };
    });
  }

  const model: GptModel = {
    config,
    mesh,
    parameters,
    get predictors() {
      return { causal: model };
    },
    maxPositions,
    forward,
    logits: head,
    createCache: ({ batchSize, capacity }) =>
      createCache({ numLayers, batchSize, capacity, numHeads: config.numKeyValueHeads ?? numHeads, headSize }),
    dispose() {
      for (const { tensor } of parameters.values()) tensor.dispose();
    },
  };
  return model;
}

function blockConfig(config: GptConfig): BlockConfig {
  const { hiddenSize, biases: bias } = config;
  const initializers = blockInitializers({ ...config, normPlacement: "pre" });
  return {
    hiddenSize,
    normPlacement: "pre",
    norm: { kind: config.norm, epsilon: config.normEpsilon },
    dropout: config.dropout,
    attention: { ...config, ...initializers, bias: config.attentionBiases ?? bias },
    feedForward: {
      feedForwardSize: config.feedForwardSize ?? 4 * hiddenSize,
      activation: config.activation,
      gated: config.gatedFeedForward,
      bias,
      ...initializers,
    },
  };
}

function createHead(scope: Scope, { hiddenSize, vocabularySize, initializerRange }: GptConfig) {
  return createColumnParallelLinear(scope.child("head"), {
    inputs: hiddenSize,
    outputs: vocabularySize,
    initializer: normal(initializerRange),
    bias: false,
  });
}
