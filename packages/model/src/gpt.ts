/** GPT: a stack of causal blocks over learned positions, as Megatron (Shoeybi et al. 2019) and GPT-2 have it. */
import { causalRanges, createCache } from "@megatron-ts/attention";
import { embedding, recompute } from "@megatron-ts/ops";
import {
  createColumnParallelLinear,
  createScope,
  createVocabularyParallelEmbedding,
  type Mesh,
  normal,
  type ParameterSource,
  type Scope,
} from "@megatron-ts/parallel";
import * as tf from "@tensorflow/tfjs";
import { createBlock } from "./block.ts";
import type { GptConfig } from "./configuration.ts";
import { dropAt } from "./dropout.ts";
import { ModelError } from "./errors.ts";
import type { ForwardOptions, LanguageModel, ModelInput } from "./model.ts";
import { createLayerNorm } from "./norm.ts";

export function createGpt(config: GptConfig, { mesh, source }: { mesh: Mesh; source: ParameterSource }): LanguageModel {
  const { scope, parameters } = createScope({ mesh, source });
  const { numLayers, hiddenSize, vocabularySize, maxPositions, initializerRange, dropout: rate } = config;
  const feedForwardSize = config.feedForwardSize ?? 4 * hiddenSize;
  const initializer = normal(initializerRange);

  const tokenEmbedding = createVocabularyParallelEmbedding(scope.child("tokenEmbedding"), {
    vocabularySize,
    hiddenSize,
    initializer,
  });
  const positionTable = scope.child("positionEmbedding").parameter("weight", [maxPositions, hiddenSize], initializer);
  const layers = Array.from({ length: numLayers }, (_, index) => {
    const layerScope = scope.child("layers").child(index);
    return { scope: layerScope, block: createBlock(layerScope, { ...config, feedForwardSize }) };
  });
  const finalNorm = createLayerNorm(scope.child("finalNorm"), { size: hiddenSize, epsilon: config.layerNormEpsilon });
  const head = config.tiedEmbeddings ? tokenEmbedding.logits : createHead(scope, config);

  function embed({ tokens, positions }: Required<Pick<ModelInput, "tokens" | "positions">>, options: ForwardOptions) {
    const words = options.inputEmbeddings ?? tokenEmbedding.embed(tokens);
    const places = embedding(positions, { table: positionTable.tensor });
    return dropAt("embedding", tf.add(words, places), { rate, random: options.random });
  }

  function hidden(input: ModelInput, options: ForwardOptions = {}): tf.Tensor {
    const { cache, observe, random } = options;
    return tf.tidy(() => {
      const [batchSize, tokens] = input.tokens.shape as [number, number];
      const offsets = cache?.lengths ?? new Int32Array(batchSize);
      const positions = input.positions ?? positionsFrom(offsets, { tokens, maxPositions });
      const ranges = input.ranges ?? causalRanges({ batchSize, tokens, offsets });
      let x = embed({ tokens: input.tokens, positions }, options);
      observe?.("embedding", x);
      layers.forEach(({ scope: layerScope, block }, index) => {
        const context = { ranges, cache: cache?.layer(index), random, observe };
        const before = x;
        if (options.recompute === "full" && !cache) {
          const own = layerScope.declared().map(({ tensor }) => tensor);
          // The ranges are an input: what f reaches by closure must outlive the forward.
          const again = (y: tf.Tensor, visible: tf.Tensor) => block(y, { ...context, ranges: visible });
          x = recompute(again as (...tensors: tf.Tensor[]) => tf.Tensor, [before, ranges], { parameters: own })[0]!;
        } else {
          x = block(before, context);
        }
        before.dispose();
        observe?.(`${layerScope.path}.output`, x);
      });
      const normalised = finalNorm(x);
      observe?.("finalNorm", normalised);
      return normalised;
    });
  }

  return {
    config,
    mesh,
    parameters,
    hidden,
    logits: head,
    createCache: ({ batchSize, capacity }) =>
      createCache({
        numLayers,
        batchSize,
        capacity,
        numHeads: config.numHeads,
        headSize: hiddenSize / config.numHeads,
      }),
    dispose() {
      for (const { tensor } of parameters.values()) tensor.dispose();
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

/** int32 [B, T]: offsets[b] + t. Throws a ModelError where the model has no such position. */
function positionsFrom(
  offsets: Int32Array,
  { tokens, maxPositions }: { tokens: number; maxPositions: number },
): tf.Tensor2D {
  const positions = new Int32Array(offsets.length * tokens);
  offsets.forEach((offset, row) => {
    if (offset + tokens > maxPositions) {
      throw new ModelError(`${offset + tokens} tokens do not fit the model's ${maxPositions} positions`);
    }
    for (let token = 0; token < tokens; token++) positions[row * tokens + token] = offset + token;
  });
  return tf.tensor2d(positions, [offsets.length, tokens], "int32");
}
