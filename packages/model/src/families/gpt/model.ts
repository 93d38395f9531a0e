/**
 * Decoder-only models: Megatron's GPT (Shoeybi et al. 2019) and GPT-2; by configuration, Llama (Touvron et al. 2023) and its
 * successors.
 */
import { causalRanges, createCache, createPagePool, type KeyValueCache, narrowRanges } from "@megatron-ts/attention";
import { constant, embedding } from "@megatron-ts/ops";
import {
  createColumnParallelLinear,
  createScope,
  createVocabularyParallelEmbedding,
  normal,
  rowsInReach,
  type Scope,
  zeros,
} from "@megatron-ts/parallel";
import * as tf from "@tensorflow/tfjs";
import { ModelError } from "../../errors.ts";
import type { ModelContext } from "../../family.ts";
import { lastToken, requirePart } from "../../heads/summaries.ts";
import { createTaskHead } from "../../heads/task-head.ts";
import { type BlockConfig, createBlock, runBlocks } from "../../layers/block.ts";
import type { BlockContext } from "../../layers/block-context.ts";
import { dropAt } from "../../layers/dropout.ts";
import { blockInitializers } from "../../layers/initializers.ts";
import { createLayerLayouts } from "../../layers/layer-layouts.ts";
import { linearBias } from "../../layers/linear-bias.ts";
import { createNorm } from "../../layers/norm.ts";
import { createPairEmbedding } from "../../layers/pair-embedding.ts";
import { positionsFrom } from "../../layers/positions.ts";
import { previousTokens } from "../../layers/previous-tokens.ts";
import { rotaryTables } from "../../layers/rotary.ts";
import { dependsOnLength } from "../../layers/rotary-scaling.ts";
import { softCap } from "../../layers/soft-cap.ts";
import { createTokenShift } from "../../layers/token-shift.ts";
import type { CausalInput, CausalModel, CausalOptions, ForwardOutput } from "../../model.ts";
import { heldOn } from "../../stage.ts";
import type { GptConfig } from "./configuration.ts";
import { rotatedSize } from "./configuration-checks.ts";

/** A decoder-only model. */
export interface GptModel extends CausalModel {
  readonly config: GptConfig;
}

/** Builds the model that a configuration describes. */
export function createGpt(config: GptConfig, context: ModelContext): GptModel {
  const { mesh, stages } = context;
  const holds = heldOn(stages, {
    input: ["tokenEmbedding", "positionEmbedding", "pairEmbedding", "tokenShift", "embeddingNorm"],
    shared: config.tiedEmbeddings ? ["tokenEmbedding"] : [],
  });
  const { scope, parameters } = createScope({ ...context, holds });
  const { numLayers, hiddenSize, numHeads, vocabularySize, maxPositions, dropout, logitsCap } = config;
  const headSize = config.headSize ?? hiddenSize / numHeads;
  const initializer = normal(config.initializerRange);
  const tokenEmbedding = createVocabularyParallelEmbedding(scope.child("tokenEmbedding"), {
    vocabularySize,
    hiddenSize,
    initializer,
  });
  const positionTable =
    config.positions === "learned"
      ? scope
          .child("positionEmbedding")
          .parameter("weight", [maxPositions, hiddenSize], initializer, { kind: "embedding" })
      : null;
  const addPairs =
    config.pairEmbeddings === undefined
      ? null
      : createPairEmbedding(scope.child("pairEmbedding"), { ...config, rows: config.pairEmbeddings });
  const shift = config.tokenShift
    ? createTokenShift(scope.child("tokenShift"), {
        hiddenSize,
        embed: (tokens) => embedTokens(tokens),
      })
    : null;
  const isAlibi = config.positions === "alibi";
  /** Whether the embedding sees the token before, which a cache then keeps. */
  const looksBack = addPairs !== null || shift !== null;
  const embeddingNorm = config.embeddingNorm
    ? createNorm(scope.child("embeddingNorm"), { ...normConfig(config), size: hiddenSize })
    : null;
  const blocks = Array.from({ length: numLayers }, (_, index) =>
    createBlock(scope.child("layers").child(index), blockConfig(config, index)),
  );
  const finalNorm = createNorm(scope.child("finalNorm"), { ...normConfig(config), size: hiddenSize });
  const head = config.tiedEmbeddings ? tokenEmbedding.logits : createHead(scope, config);

  const taskHead =
    config.task &&
    createTaskHead(scope.child("taskHead"), config.task, {
      ...{ hiddenSize, dropout: 0, initializer, summarise: lastToken, pooled: true, hasBias: false },
      activation: config.activation,
    });
  const layouts = createLayerLayouts(config.attention, { causal: true, length: maxPositions, numHeads, mesh });

  const scaled = (words: tf.Tensor) => (config.embeddingScale === 1 ? words : tf.mul(words, config.embeddingScale));
  const embedTokens = (tokens: tf.Tensor) => scaled(tokenEmbedding.embed(tokens));

  function embed(tokens: tf.Tensor, positions: tf.Tensor, { inputEmbeddings, random, cache }: CausalOptions) {
    const words = inputEmbeddings ?? embedTokens(tokens);
    const pairs = looksBack ? previousTokens(tokens, { positions, cache }) : null;
    const mixed = [shift, addPairs].reduce((x, add) => (add ? add(x, pairs!) : x), words);
    const placed = positionTable ? tf.add(mixed, embedding(positions, { table: positionTable.tensor })) : mixed.clone();
    const normalised = embeddingNorm ? embeddingNorm(placed) : placed;
    return dropAt("embedding", normalised, { rate: config.embeddingDropout ?? dropout, random });
  }

  function forward(input: CausalInput, options: CausalOptions = {}): ForwardOutput {
    const { cache, observe, recompute: recomputation, chunk = 0 } = options;
    const stage = stages?.[chunk] ?? null;
    return tf.tidy(() => {
      const [batchSize, tokens] = input.tokens.shape as [number, number];
      const { context: axis } = mesh;
      const place = axis.size > 1 ? { first: axis.rank * tokens, length: axis.size * tokens } : undefined;
      const random = options.random && place ? { ...options.random, tokens: place } : options.random;
      const offsets = cache?.lengths ?? new Int32Array(batchSize);
      const counted = () => positionsFrom(offsets, { tokens, maxPositions });
      // Without a cache they follow from the shape alone.
      const positions = input.positions ?? (cache ? counted() : constant(counted));
      const ranges = input.ranges ?? causalRanges({ batchSize, tokens, offsets });
      const contextOfLayer = layerContexts(config, { ranges, positions, cache, firstToken: place?.first });
      const seenBy = layouts.at({ ranges, cache, firstToken: place?.first });
      const { x, firstEmbedding } = options.received
        ? unpack(options.received)
        : start(embed(input.tokens, positions, { ...options, random }), config);
      observe?.("embedding", x);
      const { tokens: ids } = input;
      const places = { queries: tokens, keys: cache?.capacity ?? tokens, offsets: cache?.offsets };
      const distanceBias = isAlibi ? linearBias(places, { numHeads, mesh }) : null;
      const shared = { tokens: ids, firstEmbedding, distanceBias, random, observe };
      const contextOf = (index: number) => {
        const own = { ...contextOfLayer(index), ...(config.attention && seenBy(index)) };
        return { ...own, ...shared, ...(place && inReach(index, own, tokens)), cache: cache?.layer(index) };
      };
      const last = runBlocks(blocks, x, { contextOf, stage, recomputation, observe });
      if (stage && !stage.isLast) return { hidden: last, ...(firstEmbedding && { carried: [firstEmbedding] }) };
      const normalised = finalNorm(last);
      observe?.("finalNorm", normalised);
      return { hidden: normalised };
    });
  }

  const keySizes = { numLayers, numHeads: (config.numKeyValueHeads ?? numHeads) / mesh.tensor.size, headSize };
  /** Which keys of other ranks a layer sees: those of its window, else all before. */
  function inReach(layer: number, { ranges }: Pick<BlockContext, "ranges">, tokens: number) {
    const found: { window: number; globalTokens?: readonly number[] } | null =
      layouts.windowOf(layer) ?? ownWindow(config, layer);
    const isWindow = found !== null && !found.globalTokens?.length;
    const before = isWindow ? found.window - 1 : Number.POSITIVE_INFINITY;
    const reach = { before, after: 0 };
    const { start: first, end } = rowsInReach(mesh.context, { ...reach, rows: tokens });
    const firstQuery = mesh.context.rank * tokens - first;
    return {
      keysInReach: { ...reach, start: first, length: mesh.context.size * tokens },
      ranges: first === 0 ? ranges : tf.sub(ranges, tf.scalar(first, "int32")),
      ...(isAlibi && {
        distanceBias: linearBias({ queries: tokens, keys: end - first, firstQuery }, { numHeads, mesh }),
      }),
    };
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
    embedTokens: (tokens) => tf.tidy(() => embedTokens(tokens)),
    finalStates: finalNorm,
    logits: (hidden) => softCap(head(hidden), logitsCap),
    taskLogits: (states, options) => tf.tidy(() => requirePart(taskHead, "task")(states, options)),
    createCache: (size) =>
      createCache({
        ...size,
        ...keySizes,
        // Biases by distance are for keys in the order of the text.
        windowOf: isAlibi ? undefined : (layer) => layouts.windowOf(layer) ?? ownWindow(config, layer),
        keepsTokens: looksBack,
      }),
    createPagePool: (sizes) =>
      looksBack || (config.rotaryScaling && dependsOnLength(config.rotaryScaling))
        ? null
        : createPagePool({ ...keySizes, ...sizes }),
    dispose() {
      for (const { tensor } of parameters.values()) tensor.dispose();
      layouts.dispose();
    },
  };
  return model;
}

/** What the blocks read: states, and the first embeddings where blocks mix them in. */
interface BlockInput {
  x: tf.Tensor;
  firstEmbedding: tf.Tensor | null;
}

const start = (x: tf.Tensor, { embeddingShortcut }: GptConfig): BlockInput => ({
  x,
  firstEmbedding: embeddingShortcut ? x.clone() : null,
});

/** The input of a stage from what the one before gave. */
function unpack([x, firstEmbedding]: readonly tf.Tensor[]): BlockInput {
  return { x: x!.clone(), firstEmbedding: firstEmbedding?.clone() ?? null };
}

/** The window of a layer by `attentionWindow`. */
function ownWindow({ attentionWindow: window, layersWithoutWindow }: GptConfig, layer: number) {
  return window === null || layersWithoutWindow.includes(layer) ? null : { window };
}

/** What each layer sees: which keys, and where they are. */
function layerContexts(
  config: GptConfig,
  {
    ranges,
    positions,
    cache,
    firstToken = 0,
  }: { ranges: tf.Tensor; positions: tf.Tensor; cache?: KeyValueCache | null; firstToken?: number },
): (index: number) => Pick<BlockContext, "ranges" | "rotaryCosines" | "rotarySines"> {
  const { attentionWindow: window, rotaryTheta, windowRotaryTheta, rotaryScaling } = config;
  const offsets = cache?.offsets ?? (firstToken > 0 ? new Int32Array(ranges.shape[0]!).fill(firstToken) : undefined);
  const near = window === null ? ranges : narrowRanges(ranges, { before: window - 1, after: 0, offsets });
  const dimension = rotatedSize(config);
  if (rotaryScaling?.type === "longrope")
    checkSameFactors(cache?.lengths ?? [0], { scaling: rotaryScaling, tokens: ranges.shape[1]! });
  const isRotary = config.positions === "rotary";
  const turned = isRotary ? rotaryTables(positions, { dimension, theta: rotaryTheta, scaling: rotaryScaling }) : {};
  const turnedNear =
    isRotary && windowRotaryTheta !== undefined
      ? rotaryTables(positions, { dimension, theta: windowRotaryTheta })
      : turned;
  return (index) => {
    const isNear = window !== null && !config.layersWithoutWindow.includes(index);
    const isTurned = !config.layersWithoutRotary.includes(index);
    return { ranges: isNear ? near : ranges, ...(isTurned && (isNear ? turnedNear : turned)) };
  };
}

/** Throws a ModelError where tokens take a text in a cache past the length up to which its keys were rotated another way. */
function checkSameFactors(
  offsets: ArrayLike<number>,
  {
    scaling: { originalMaxPositions: original },
    tokens,
  }: { scaling: { originalMaxPositions: number }; tokens: number },
): void {
  const cached = Math.max(...Array.from(offsets));
  if (cached === 0 || cached > original || cached + tokens <= original) return;
  throw new ModelError(
    `${cached} tokens in the cache were rotated with the factors of texts of up to ${original} tokens, and ${tokens} more need those of longer texts: start with a prompt of more than ${original} tokens, or stop there`,
  );
}

const normConfig = ({ norm, normEpsilon, zeroCenteredNorms }: GptConfig) => ({
  kind: norm,
  epsilon: normEpsilon,
  zeroCentered: zeroCenteredNorms,
});

function blockConfig(config: GptConfig, index: number): BlockConfig {
  const { hiddenSize, biases: bias, numHeads, numKeyValueHeads, headSize, attentionDropout } = config;
  const scaled = blockInitializers({ ...config, normPlacement: "pre" });
  const initializers = config.zeroInitializedOutputs ? { ...scaled, outputInitializer: zeros } : scaled;
  return {
    hiddenSize,
    normPlacement: "pre",
    norm: normConfig(config),
    outputNorms: config.outputNorms,
    embeddingShortcut: config.embeddingShortcut,
    dropout: config.dropout,
    attention: {
      numHeads,
      numKeyValueHeads,
      headSize,
      sinks: config.attentionSinks,
      attentionDropout,
      bias: config.attentionBiases ?? bias,
      outputBias: config.attentionOutputBias,
      scale: config.attentionScale,
      scoreCap: config.attentionCap,
      queryKeyNorm: config.queryKeyNorm ? normConfig(config) : undefined,
      valueEmbedding: config.layersWithValueEmbeddings.includes(index) ? config : undefined,
      ...initializers,
    },
    feedForward: {
      feedForwardSize: config.feedForwardSize ?? 4 * hiddenSize,
      activation: config.activation,
      gated: config.gatedFeedForward,
      bias,
      ...initializers,
    },
  };
}

function createHead(scope: Scope, config: GptConfig) {
  const { hiddenSize, vocabularySize, initializerRange, zeroInitializedOutputs } = config;
  return createColumnParallelLinear(scope.child("head"), {
    kind: "head",
    padded: true,
    inputs: hiddenSize,
    outputs: vocabularySize,
    initializer: zeroInitializedOutputs ? zeros : normal(initializerRange),
    bias: false,
  });
}
