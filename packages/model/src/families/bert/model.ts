/**
 * BERT (Devlin et al. 2019) and, by configuration, Megatron's BERT (Shoeybi et al. 2019), RoBERTa (Liu et al. 2019), ALBERT
 * (Lan et al. 2020) and others. The configuration decides which heads follow the blocks.
 */
import { hasLayout, paddedRanges } from "@megatron-ts/attention";
import { embedding } from "@megatron-ts/ops";
import { createScope, createVocabularyParallelEmbedding, rowsInReach } from "@megatron-ts/parallel";
import { hashKey } from "@megatron-ts/random";
import * as tf from "@tensorflow/tfjs";
import { ModelError } from "../../errors.ts";
import type { ModelContext } from "../../family.ts";
import { createMaskedLanguageHead } from "../../heads/masked-language.ts";
import { firstToken, requirePart } from "../../heads/summaries.ts";
import { createTaskHead } from "../../heads/task-head.ts";
import { type BlockConfig, createBlock, runBlocks } from "../../layers/block.ts";
import type { BlockContext } from "../../layers/block-context.ts";
import { createDense } from "../../layers/dense.ts";
import { dropAt } from "../../layers/dropout.ts";
import { selectTokens } from "../../layers/global-attention.ts";
import { blockInitializers } from "../../layers/initializers.ts";
import { createLayerLayouts } from "../../layers/layer-layouts.ts";
import { createNorm } from "../../layers/norm.ts";
import { positionsBehindPadding, positionsFrom } from "../../layers/positions.ts";
import type { EncoderInput, EncoderModel, ForwardOptions, ForwardOutput } from "../../model.ts";
import { heldOn } from "../../stage.ts";
import type { BertConfig } from "./configuration.ts";

/** A BERT-style encoder. */
export interface BertModel extends EncoderModel {
  readonly config: BertConfig;
}

/** Builds the model that a configuration describes. */
export function createBert(config: BertConfig, context: ModelContext): BertModel {
  const { mesh, stages } = context;
  const { numLayers, numLayerGroups: numGroups = numLayers } = config;
  const groupOf = (layer: number) => Math.floor((layer * numGroups) / numLayers);
  const holds = heldOn(stages, {
    input: ["tokenEmbedding", "positionEmbedding", "tokenTypeEmbedding", "embeddingNorm", "embeddingProjection"],
    shared: config.tiedEmbeddings && config.heads.languageModel ? ["tokenEmbedding"] : [],
    nameOf: groupOf,
  });
  const { scope, parameters } = createScope({ ...context, holds });
  const { hiddenSize, vocabularySize, maxPositions, numTokenTypes, paddingToken, heads } = config;
  const { dropout: rate, normEpsilon, headActivation = config.activation, embeddingSize = hiddenSize } = config;
  const { initializer } = blockInitializers(config);
  const norm = { kind: "layer", size: hiddenSize, epsilon: normEpsilon } as const;

  const tokenEmbedding = createVocabularyParallelEmbedding(scope.child("tokenEmbedding"), {
    vocabularySize,
    hiddenSize: embeddingSize,
    initializer,
  });
  const table = (name: string, rows: number) =>
    scope.child(name).parameter("weight", [rows, embeddingSize], initializer, { kind: "embedding" });
  const positionTable = table("positionEmbedding", maxPositions);
  const tokenTypeTable = numTokenTypes > 0 ? table("tokenTypeEmbedding", numTokenTypes) : null;
  const embeddingNorm =
    config.normPlacement === "post" ? createNorm(scope.child("embeddingNorm"), { ...norm, size: embeddingSize }) : null;
  const projection =
    config.embeddingSize === undefined
      ? null
      : createDense(scope.child("embeddingProjection"), { inputs: embeddingSize, outputs: hiddenSize, initializer });
  const groups = Array.from({ length: numGroups }, (_, index) =>
    createBlock(scope.child("layers").child(index), blockConfig(config)),
  );
  const blocks = Array.from({ length: numLayers }, (_, layer) => groups[groupOf(layer)]!);
  const finalNorm = config.normPlacement === "pre" ? createNorm(scope.child("finalNorm"), norm) : null;

  const square = { inputs: hiddenSize, outputs: hiddenSize, initializer };
  const pooler = heads.pooler ? createDense(scope.child("pooler"), square) : null;
  const languageModel = heads.languageModel
    ? createMaskedLanguageHead(
        scope.child("languageModelHead"),
        { hiddenSize, embeddingSize, vocabularySize, activation: headActivation, normEpsilon, initializer },
        { tokenEmbedding: config.tiedEmbeddings ? tokenEmbedding : null },
      )
    : null;
  const pair = heads.pair ? createDense(scope.child("pairHead"), { ...square, outputs: 2, kind: "head" }) : null;
  const task =
    config.task &&
    createTaskHead(scope.child("taskHead"), config.task, {
      hiddenSize,
      dropout: rate,
      initializer,
      summarise: pooler ? pooled : firstToken,
      pooled: pooler !== null,
      activation: config.activation,
    });

  const layouts = createLayerLayouts(config.attention, {
    causal: false,
    length: maxPositions,
    numHeads: config.numHeads,
    mesh,
  });

  function positionsOf({ tokens, positions }: EncoderInput): tf.Tensor {
    if (positions) return positions;
    if (paddingToken !== undefined) return positionsBehindPadding(tokens, { paddingToken, maxPositions });
    return positionsFrom(new Int32Array(1), { tokens: tokens.shape[1]!, maxPositions });
  }

  /** By row; configured ones that a text does not reach are left out. Throws a ModelError for others that it does not. */
  function globalTokensOf({ tokens, globalTokens }: EncoderInput): readonly (readonly number[])[] {
    const [rows, length] = tokens.shape as [number, number];
    const configured = config.attention?.layout === "local" ? config.attention.globalTokens : undefined;
    if (!globalTokens) {
      const within = [...new Set(configured)].filter((position) => position < length);
      return Array.from({ length: rows }, () => within);
    }
    if (config.attention?.layout !== "local") throw new ModelError("globalTokens need attention.layout: local");
    if (mesh.context.size > 1)
      throw new ModelError("globalTokens of each row: ranks cannot share the tokens of these yet");
    if (globalTokens.length !== rows)
      throw new ModelError(`globalTokens: expected ${rows} rows, got ${globalTokens.length}`);
    for (const position of globalTokens.flat()) {
      if (Number.isInteger(position) && position >= 0 && position < length) continue;
      throw new ModelError(`globalTokens: token ${position} is not in a text of ${length} tokens`);
    }
    return globalTokens.map((row) => [...new Set(row)]);
  }

  function embed(input: EncoderInput, { inputEmbeddings, random }: ForwardOptions): tf.Tensor {
    const words = inputEmbeddings ?? tokenEmbedding.embed(input.tokens);
    const placed = tf.add(words, embedding(positionsOf(input), { table: positionTable.tensor }));
    const types = input.tokenTypes ?? tf.zeros([1, 1], "int32");
    const typed = tokenTypeTable ? tf.add(placed, embedding(types, { table: tokenTypeTable.tensor })) : placed;
    const embedded = dropAt("embedding", embeddingNorm ? embeddingNorm(typed) : typed, { rate, random });
    return projection ? projection(embedded) : embedded;
  }

  /** Layers that share their weights still drop differently, and have names of their own. */
  function contextOf(index: number, { random, observe }: ForwardOptions): Pick<BlockContext, "random" | "observe"> {
    if (config.numLayerGroups === undefined) return { random, observe };
    const rename = (name: string) => name.replace(/^layers\.\d+/, `layers.${index}`);
    return {
      random: random && { ...random, key: hashKey(random.key, "layer", index) },
      observe: observe && ((name, tensor) => observe(rename(name), tensor)),
    };
  }

  /** Where ranks share the tokens: which keys of others a layer sees. */
  function inReach(layer: number, ranges: tf.Tensor): Pick<BlockContext, "keysInReach" | "ranges"> {
    const { context: axis } = mesh;
    const rows = ranges.shape[1]!;
    const reach = layouts.reachOf(layer);
    const { start } = rowsInReach(axis, { ...reach, rows });
    return {
      keysInReach: { ...reach, start, length: axis.size * rows },
      ranges: start === 0 ? ranges : tf.sub(ranges, tf.scalar(start, "int32")),
    };
  }

  function forward(input: EncoderInput, { random: given, ...others }: ForwardOptions = {}): ForwardOutput {
    const { observe, recompute: recomputation, chunk = 0 } = others;
    const stage = stages?.[chunk] ?? null;
    return tf.tidy(() => {
      const [batchSize, tokens] = input.tokens.shape as [number, number];
      const lengths = input.lengths ?? new Int32Array(batchSize).fill(tokens);
      const ranges = input.ranges ?? paddedRanges({ tokens, lengths });
      const globalTokens = globalTokensOf(input);
      const { context: axis } = mesh;
      const place = axis.size > 1 ? { first: axis.rank * tokens, length: axis.size * tokens } : undefined;
      const options = { ...others, random: given && place ? { ...given, tokens: place } : given };
      const seenBy = layouts.at({
        ...{ ranges, globalTokens: input.globalTokens && globalTokens },
        ...{ firstToken: place?.first, keys: place?.length },
      });
      const globalSelection =
        config.globalProjections && globalTokens.some(({ length }) => length > 0)
          ? selectTokens(globalTokens, { tokens })
          : null;
      const x = options.received?.[0]?.clone() ?? embed(input, options);
      observe?.("embedding", x);
      const last = runBlocks(blocks, x, {
        contextOf: (index) => ({
          ...seenBy(index),
          ...(place && inReach(index, seenBy(index).ranges)),
          globalSelection: config.attention && hasLayout(config.attention, index) ? globalSelection : null,
          ...contextOf(index, options),
        }),
        stage,
        recomputation,
        observe: observe && ((name, tensor, index) => contextOf(index, options).observe?.(name, tensor)),
      });
      if (!finalNorm || (stage && !stage.isLast)) return { hidden: last };
      const normalized = finalNorm(last);
      observe?.("finalNorm", normalized);
      return { hidden: normalized };
    });
  }

  function pooled(states: tf.Tensor): tf.Tensor {
    return tf.tidy(() => tf.tanh(requirePart(pooler, "heads.pooler")(firstToken(states))));
  }

  const model: BertModel = {
    config,
    mesh,
    parameters,
    firstPosition: paddingToken === undefined ? 0 : paddingToken + 1,
    get predictors() {
      return { masked: model };
    },
    forward,
    embedTokens: tokenEmbedding.embed,
    finalStates: (states) => (finalNorm ? finalNorm(states) : states.clone()),
    pooled,
    logits: (states) => requirePart(languageModel, "heads.languageModel")(states),
    pairLogits: (summary) => requirePart(pair, "heads.pair")(summary),
    taskLogits: (states, options) => tf.tidy(() => requirePart(task, "task")(states, options)),
    dispose() {
      for (const { tensor } of parameters.values()) tensor.dispose();
      layouts.dispose();
    },
  };
  return model;
}

function blockConfig(config: BertConfig): BlockConfig {
  const { hiddenSize, numHeads, normPlacement, normEpsilon, dropout, attentionDropout, activation } = config;
  const initializers = blockInitializers(config);
  return {
    hiddenSize,
    normPlacement,
    norm: { kind: "layer", epsilon: normEpsilon },
    dropout,
    attention: { numHeads, attentionDropout, globalProjections: config.globalProjections, ...initializers },
    feedForward: { feedForwardSize: config.feedForwardSize ?? 4 * hiddenSize, activation, ...initializers },
  };
}
