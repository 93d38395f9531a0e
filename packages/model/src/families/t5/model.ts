/**
 * T5 (Raffel et al. 2020), the original and version 1.1: RMS norm, no biases, unscaled attention scores, and a relative
 * position bias shared by all layers of a stack.
 */
import { causalRanges, paddedRanges } from "@megatron-ts/attention";
import {
  createColumnParallelLinear,
  createScope,
  createVocabularyParallelEmbedding,
  normal,
} from "@megatron-ts/parallel";
import * as tf from "@tensorflow/tfjs";
import type { ModelContext } from "../../family.ts";
import { lastToken, requirePart } from "../../heads/summaries.ts";
import { createTaskHead } from "../../heads/task-head.ts";
import type { BlockConfig } from "../../layers/block.ts";
import { createDecoderCache } from "../../layers/decoder-cache.ts";
import { dropAt } from "../../layers/dropout.ts";
import { createLayerLayouts } from "../../layers/layer-layouts.ts";
import { memoryRangesOf } from "../../layers/memory-ranges.ts";
import { createRelativeBias } from "../../layers/relative-bias.ts";
import { createStack } from "../../layers/stack.ts";
import { heldInStacks, runStacks, type StackRun, wholeStack } from "../../layers/staged-stacks.ts";
import type {
  DecoderOptions,
  EncoderInput,
  ForwardOptions,
  SequenceToSequenceModel,
  TargetInput,
} from "../../model.ts";
import type { T5Config } from "./configuration.ts";

/** A T5. */
export interface T5Model extends SequenceToSequenceModel {
  readonly config: T5Config;
}

/** Builds the model that a configuration describes. */
export function createT5(config: T5Config, context: ModelContext): T5Model {
  const { mesh, stages } = context;
  const holds = heldInStacks(stages, {
    numEncoderLayers: config.numLayers,
    input: ["tokenEmbedding"],
    shared: config.tiedEmbeddings ? ["tokenEmbedding"] : [],
  });
  const { scope, parameters } = createScope({ ...context, holds });
  const { numLayers, numDecoderLayers = numLayers, hiddenSize, numHeads, vocabularySize, dropout } = config;
  const headSize = config.headSize ?? hiddenSize / numHeads;
  const localHeads = numHeads / mesh.tensor.size;

  const tokenEmbedding = createVocabularyParallelEmbedding(scope.child("tokenEmbedding"), {
    vocabularySize,
    hiddenSize,
    initializer: normal(config.initializerFactor),
  });
  const [encoder, decoder] = (["encoder", "decoder"] as const).map((name) => {
    const own = scope.child(name);
    const bias = createRelativeBias(own.child("relativeBias"), {
      numHeads,
      numBuckets: config.relativeBuckets,
      maxDistance: config.relativeMaxDistance,
      bidirectional: name === "encoder",
      initializer: normal(config.initializerFactor * hiddenSize ** -0.5),
    });
    const stack = createStack(own, {
      numLayers: name === "encoder" ? numLayers : numDecoderLayers,
      block: blockConfig(config, { headSize, crossAttends: name === "decoder" }),
      finalNorm: true,
      finalDropout: dropout,
    });
    const layouts = createLayerLayouts(config.attention, {
      causal: name === "decoder",
      length: Number.POSITIVE_INFINITY,
      numHeads,
      mesh,
    });
    return { bias, stack, layouts };
  }) as [Side, Side];
  const { tiedEmbeddings, scaledOutputs = tiedEmbeddings } = config;
  const project = tiedEmbeddings
    ? tokenEmbedding.logits
    : createColumnParallelLinear(scope.child("head"), {
        kind: "head",
        inputs: hiddenSize,
        outputs: vocabularySize,
        initializer: normal(config.initializerFactor),
        bias: false,
      });
  const head = scaledOutputs
    ? (states: tf.Tensor) => tf.tidy(() => project(tf.mul(states, hiddenSize ** -0.5)))
    : project;

  const taskHead =
    config.task &&
    createTaskHead(scope.child("taskHead"), config.task, {
      hiddenSize,
      dropout,
      initializer: normal(config.initializerFactor * hiddenSize ** -0.5),
      summarise: lastToken,
      pooled: false,
      activation: config.activation,
    });

  const embed = (
    site: string,
    { tokens }: { tokens: tf.Tensor },
    { inputEmbeddings, random }: Pick<ForwardOptions, "inputEmbeddings" | "random">,
  ) => dropAt(site, inputEmbeddings?.clone() ?? tokenEmbedding.embed(tokens), { rate: dropout, random });

  function encodeRows(input: EncoderInput, options: ForwardOptions, { part, received }: StackRun): tf.Tensor {
    const [batchSize, tokens] = input.tokens.shape as [number, number];
    const lengths = input.lengths ?? new Int32Array(batchSize).fill(tokens);
    const ranges = input.ranges ?? paddedRanges({ tokens, lengths });
    const bias = encoder.bias({ queries: tokens, keys: tokens });
    return encoder.stack(
      received?.clone() ?? embed("encoder.embedding", input, options),
      { ofLayer: encoder.layouts.at({ ranges }), ...bias },
      { ...options, part },
    );
  }

  function decodeRows(input: TargetInput, options: DecoderOptions, { part, received }: StackRun): tf.Tensor {
    const { cache } = options;
    const [batchSize, tokens] = input.tokens.shape as [number, number];
    const offsets = cache?.lengths ?? new Int32Array(batchSize);
    const ranges = input.ranges ?? causalRanges({ batchSize, tokens, offsets });
    const context = {
      ofLayer: decoder.layouts.at({ ranges, cache }),
      ...decoder.bias({ queries: tokens, keys: cache?.capacity ?? tokens, offsets: cache?.offsets }),
      memory: input.memory,
      memoryRanges: memoryRangesOf(input, { tokens }),
      memoryCache: cache?.memory,
    };
    return decoder.stack(received?.clone() ?? embed("decoder.embedding", input, options), context, {
      ...options,
      part,
    });
  }

  const model: T5Model = {
    config,
    mesh,
    parameters,
    get predictors() {
      return { "sequence-to-sequence": model };
    },
    encode: (input, options = {}) => tf.tidy(() => ({ hidden: encodeRows(input, options, wholeStack) })),
    forward: (input, options = {}) => tf.tidy(() => ({ hidden: decodeRows(input, options, wholeStack) })),
    encodeAndDecode: (source, target, options = {}) =>
      tf.tidy(() =>
        runStacks(
          {
            encode: (run) => encodeRows(source, options, run),
            decode: (memory, run) => decodeRows({ ...target, memory }, options, run),
          },
          { ...options, stage: stages?.[options.chunk ?? 0] ?? null, numEncoderLayers: numLayers },
        ),
      ),
    logits: head,
    taskLogits: (states, options) => tf.tidy(() => requirePart(taskHead, "task")(states, options)),
    createCache: (size) => createDecoderCache({ ...size, numLayers: numDecoderLayers, numHeads: localHeads, headSize }),
    dispose() {
      for (const { tensor } of parameters.values()) tensor.dispose();
      for (const { layouts } of [encoder, decoder]) layouts.dispose();
    },
  };
  return model;
}

interface Side {
  bias: ReturnType<typeof createRelativeBias>;
  stack: ReturnType<typeof createStack>;
  layouts: ReturnType<typeof createLayerLayouts>;
}

/** Initial standard deviations of the original code, which make up for the unscaled scores. */
function blockConfig(
  config: T5Config,
  { headSize, crossAttends }: { headSize: number; crossAttends: boolean },
): BlockConfig {
  const { hiddenSize, numHeads, dropout, feedForwardSize = 4 * hiddenSize, initializerFactor: factor } = config;
  const initializer = normal(factor * hiddenSize ** -0.5);
  const attention = {
    numHeads,
    headSize,
    attentionDropout: config.attentionDropout,
    bias: false,
    scale: 1,
    initializer,
    queryInitializer: normal(factor * (hiddenSize * headSize) ** -0.5),
    outputInitializer: normal(factor * (numHeads * headSize) ** -0.5),
  };
  return {
    hiddenSize,
    normPlacement: "pre",
    norm: { kind: "rms", epsilon: config.normEpsilon },
    dropout,
    attention,
    crossAttention: crossAttends ? attention : undefined,
    feedForward: {
      feedForwardSize,
      activation: config.activation,
      gated: config.gatedFeedForward,
      bias: false,
      innerDropout: dropout,
      initializer,
      outputInitializer: normal(factor * feedForwardSize ** -0.5),
    },
  };
}
