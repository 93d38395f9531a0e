/**
 * XLNet (Yang et al. 2019): predicts tokens in a permuted order with two streams, and attends to a memory of the previous
 * sequence. Post-LN blocks; positions are relative, so there is no position embedding.
 */
import { paddedRanges } from "@megatron-ts/attention";
import { embedding } from "@megatron-ts/ops";
import { createScope, createVocabularyParallelEmbedding, normal } from "@megatron-ts/parallel";
import * as tf from "@tensorflow/tfjs";
import { ModelError } from "../../errors.ts";
import type { ModelContext } from "../../family.ts";
import { lastToken, requirePart } from "../../heads/summaries.ts";
import { createTaskHead } from "../../heads/task-head.ts";
import { createVocabularyHead } from "../../heads/vocabulary-head.ts";
import { type BlockConfig, createBlock, runBlocks } from "../../layers/block.ts";
import { dropAt } from "../../layers/dropout.ts";
import { createLayerLayouts } from "../../layers/layer-layouts.ts";
import { createRelativeAttention } from "../../layers/relative-attention.ts";
import { distanceSinusoids, segmentIdsDiffer } from "../../layers/relative-distances.ts";
import { outsideOf, splitStreams, streamQueries } from "../../layers/two-streams.ts";
import type {
  ForwardOptions,
  ForwardOutput,
  PermutationInput,
  PermutationModel,
  PermutationOptions,
} from "../../model.ts";
import { heldOn } from "../../stage.ts";
import type { XlnetConfig } from "./configuration.ts";
import { createMemoryRecorder } from "./memory-recorder.ts";

/** An XLNet. */
export interface XlnetModel extends PermutationModel {
  readonly config: XlnetConfig;
}

/** Builds the model that a configuration describes. */
export function createXlnet(config: XlnetConfig, context: ModelContext): XlnetModel {
  const { mesh, stages } = context;
  const holds = heldOn(stages, {
    input: ["tokenEmbedding", "maskEmbedding"],
    shared: config.tiedEmbeddings && config.languageModelHead ? ["tokenEmbedding"] : [],
  });
  const { scope, parameters } = createScope({ ...context, holds });
  const { numLayers, hiddenSize, numHeads, vocabularySize, dropout: rate, task } = config;
  const initializer = normal(config.initializerRange);
  const tokenEmbedding = createVocabularyParallelEmbedding(scope.child("tokenEmbedding"), {
    vocabularySize,
    hiddenSize,
    initializer,
  });
  const maskEmbedding = scope
    .child("maskEmbedding")
    .parameter("weight", [1, hiddenSize], initializer, { kind: "embedding" });
  const blocks = Array.from({ length: numLayers }, (_, index) =>
    createBlock(scope.child("layers").child(index), blockConfig(config)),
  );
  const head = config.languageModelHead
    ? createVocabularyHead(
        scope.child("head"),
        { vocabularySize, size: hiddenSize, initializer },
        { tokenEmbedding: config.tiedEmbeddings ? tokenEmbedding : null },
      )
    : null;
  const taskHead =
    task &&
    createTaskHead(scope.child("taskHead"), task, {
      hiddenSize,
      dropout: rate,
      initializer,
      summarise: lastToken,
      pooled: false,
      activation: config.activation,
    });

  const layouts = createLayerLayouts(config.attention, {
    causal: false,
    length: Number.POSITIVE_INFINITY,
    numHeads,
    mesh,
  });

  /** The tokens, then the same vector for every target: [B, T + M, h]. */
  function embed({ tokens, targets }: PermutationInput, { inputEmbeddings, random }: ForwardOptions): tf.Tensor {
    const words = inputEmbeddings?.clone() ?? tokenEmbedding.embed(tokens);
    if (!targets) return dropAt("embedding", words, { rate, random });
    const query = embedding(tf.zeros(targets.shape, "int32"), { table: maskEmbedding.tensor });
    return dropAt("embedding", tf.concat([words, query], 1), { rate, random });
  }

  /** The context of all blocks, for T tokens and M targets after `past` states. */
  function createContext(input: PermutationInput, { past }: { past: number }, { random, observe }: ForwardOptions) {
    const { targets = null } = input;
    const [batchSize, tokens] = input.tokens.shape as [number, number];
    const rows = tokens + (targets?.shape[1] ?? 0);
    const keys = past + tokens;
    const reversed = Int32Array.from({ length: batchSize }, (_, row) => (input.reversed?.[row] ? 1 : 0));
    const kinds = reversed.includes(1) ? [false, true] : [false];
    const sinusoids = tf.stack(kinds.map((backwards) => distanceSinusoids({ keys, tokens, hiddenSize, backwards })));
    const permutationMask = permutationMaskOf(input);
    const seenBy = layouts.atQueries(streamQueries({ permutationMask, targets }, { batch: batchSize, tokens, past }));
    const shared = {
      ranges: paddedRanges({ tokens: rows, lengths: new Int32Array(batchSize).fill(keys) }),
      numKeyTokens: tokens,
      // One dropout mask for all rows, where the original has one per row, which would need a projection per row.
      distances: dropAt("distances", sinusoids, {
        rate,
        random: random && { ...random, firstRow: 0, globalRows: kinds.length },
      }),
      directions: tf.tensor1d(reversed, "int32"),
      queryPositions: targets && tf.add(targets, tf.scalar(past, "int32")),
      segmentIdsDiffer: input.tokenTypes ? segmentIdsDiffer({ tokenTypes: input.tokenTypes, targets }, { past }) : null,
      random,
      observe,
    };
    return (layer: number) => ({ ...shared, layout: seenBy(layer), past: input.memory?.[layer] });
  }

  function forward(input: PermutationInput, options: PermutationOptions = {}): ForwardOutput {
    const { random, recompute: recomputation, chunk = 0 } = options;
    const stage = stages?.[chunk] ?? null;
    const { targets, memory = [] } = input;
    if (memory.length !== 0 && memory.length !== numLayers) {
      throw new ModelError(`a memory of ${memory.length} layers was given to a model of ${numLayers}`);
    }
    const recorder = createMemoryRecorder(config, { memory, tokens: input.tokens.shape[1]! });
    const observe = (name: string, tensor: tf.Tensor) => {
      if (options.remember) recorder.observe(name, tensor);
      options.observe?.(name, tensor);
    };
    return tf.tidy(() => {
      const x = options.received?.[0]?.clone() ?? embed(input, options);
      observe("embedding", x);
      const contextOf = createContext(input, { past: memory[0]?.shape[1] ?? 0 }, options);
      const last = runBlocks(blocks, x, { contextOf, stage, recomputation, observe });
      // Both streams go on as one. Distances and masks are drawn on every stage alike.
      if (stage && !stage.isLast) return { hidden: last };
      const states = dropAt("final", last, { rate, random });
      const streams = targets ? splitStreams(states, { tokens: input.tokens.shape[1]! }) : { hidden: states };
      return options.remember ? { ...streams, memory: recorder.memory } : streams;
    });
  }

  const model: XlnetModel = {
    config,
    mesh,
    parameters,
    get predictors() {
      return { permutation: model };
    },
    forward,
    logits(states) {
      return requirePart(head, "languageModelHead")(states);
    },
    taskLogits(states, options) {
      return tf.tidy(() => requirePart(taskHead, "task")(states, options));
    },
    dispose() {
      for (const { tensor } of parameters.values()) tensor.dispose();
      layouts.dispose();
    },
  };
  return model;
}

/** [B, T, T]: 1 where any of the input's masks hides token j from token i; null if nothing is hidden. */
function permutationMaskOf({ tokens, permutationMask, ranges, lengths, targets }: PermutationInput): tf.Tensor | null {
  const [batchSize, width] = tokens.shape as [number, number];
  const visible = ranges ?? (lengths ? paddedRanges({ tokens: width, lengths }) : null);
  const outside = visible && outsideOf(visible, { keys: width });
  if (permutationMask) {
    return outside ? tf.maximum(tf.cast(permutationMask, "float32"), outside) : permutationMask;
  }
  return outside ?? (targets ? tf.zeros([batchSize, width, width]) : null);
}

function blockConfig(config: XlnetConfig): BlockConfig {
  const { hiddenSize, numHeads, dropout, attentionDropout, activation, normEpsilon } = config;
  const initializer = normal(config.initializerRange);
  return {
    hiddenSize,
    normPlacement: "post",
    norm: { kind: "layer", epsilon: normEpsilon },
    dropout,
    attention: { numHeads, attentionDropout, initializer, outputInitializer: initializer },
    createAttention: createRelativeAttention,
    feedForward: {
      feedForwardSize: config.feedForwardSize ?? 4 * hiddenSize,
      activation,
      innerDropout: dropout,
      initializer,
      outputInitializer: initializer,
    },
  };
}
