/**
 * An encoder-decoder with Megatron's blocks (pre-LN, final norms) or BERT's (post-LN, a norm after the embeddings), such as
 * BART (Lewis et al. 2020). Both stacks and the head share the token embedding. The decoder can also predict in a permuted order: its query stream
 * starts from the position embeddings and so adds no weights.
 */
import { causalRanges, type LayoutConfig, paddedRanges } from "@megatron-ts/attention";
import { createScope, createVocabularyParallelEmbedding, type Scope } from "@megatron-ts/parallel";
import * as tf from "@tensorflow/tfjs";
import { ModelError } from "../../errors.ts";
import type { ModelContext } from "../../family.ts";
import { createMaskedLanguageHead } from "../../heads/masked-language.ts";
import { firstToken, lastToken, requirePart } from "../../heads/summaries.ts";
import { createTaskHead } from "../../heads/task-head.ts";
import { createVocabularyHead } from "../../heads/vocabulary-head.ts";
import type { BlockConfig } from "../../layers/block.ts";
import { createDecoderCache } from "../../layers/decoder-cache.ts";
import { createDense } from "../../layers/dense.ts";
import { dropAt } from "../../layers/dropout.ts";
import { blockInitializers } from "../../layers/initializers.ts";
import { createLayerLayouts, type LayerLayouts } from "../../layers/layer-layouts.ts";
import { memoryRangesOf } from "../../layers/memory-ranges.ts";
import { createNorm } from "../../layers/norm.ts";
import { positionsFrom } from "../../layers/positions.ts";
import { createRelativeAttention } from "../../layers/relative-attention.ts";
import { createStack } from "../../layers/stack.ts";
import { heldInStacks, runStacks, type StackRun, wholeStack } from "../../layers/staged-stacks.ts";
import { rowsAt, splitStreams, streamQueries } from "../../layers/two-streams.ts";
import type {
  CacheSize,
  DecoderOptions,
  EncoderInput,
  EncoderModel,
  ForwardOptions,
  ForwardOutput,
  PermutationInput,
  PermutationModel,
  Predictors,
  SequenceToSequenceModel,
  TargetInput,
} from "../../model.ts";
import type { EncoderDecoderConfig } from "./configuration.ts";
import { createPositions } from "./positions.ts";

/** An encoder-decoder; its encoder predicts masked tokens, its decoder also in a permuted order. */
export interface EncoderDecoderModel extends SequenceToSequenceModel {
  readonly config: EncoderDecoderConfig;
  readonly predictors: Required<Pick<Predictors, "sequence-to-sequence" | "masked" | "permutation">>;
}

/** Builds the model that a configuration describes. */
export function createEncoderDecoder(config: EncoderDecoderConfig, context: ModelContext): EncoderDecoderModel {
  const { mesh, stages } = context;
  const embeddings = ["positionEmbedding", "tokenTypeEmbedding", "embeddingNorm"];
  const holds = heldInStacks(stages, {
    numEncoderLayers: config.numLayers,
    input: ["tokenEmbedding", ...embeddings],
    shared: ["tokenEmbedding"],
  });
  const { scope, parameters } = createScope({ ...context, holds });
  const { hiddenSize, numHeads, maxPositions, normEpsilon, attentionWindow: window } = config;
  const attention: LayoutConfig | undefined = window === null ? config.attention : { layout: "local", window };
  const [encoderLayouts, decoderLayouts] = [false, true].map((causal) =>
    createLayerLayouts(attention, { causal, length: maxPositions, numHeads, mesh }),
  ) as [LayerLayouts, LayerLayouts];
  const { numLayers, numDecoderLayers = numLayers, vocabularySize, normPlacement, relativeDistances } = config;
  const { initializer } = blockInitializers({ ...config, numLayers });
  const tokenEmbedding = createVocabularyParallelEmbedding(scope.child("tokenEmbedding"), {
    vocabularySize,
    hiddenSize,
    initializer,
  });
  /** Positions, and the norm after the embeddings. */
  function createEmbeddingParts(own: Scope) {
    const positions = createPositions(own, config, initializer);
    const hasNorm = normPlacement === "post" && !relativeDistances;
    const norm = { kind: "layer", size: hiddenSize, epsilon: normEpsilon } as const;
    return { positions, norm: hasNorm ? createNorm(own.child("embeddingNorm"), norm) : (x: tf.Tensor) => x };
  }
  const [encoderParts, decoderParts] = config.separatePositions
    ? [createEmbeddingParts(scope.child("encoder")), createEmbeddingParts(scope.child("decoder"))]
    : oneForBoth(createEmbeddingParts(scope));
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
    : config.logitsBias
      ? createVocabularyHead(scope.child("head"), { vocabularySize, size: hiddenSize, initializer }, { tokenEmbedding })
      : (states: tf.Tensor) => tokenEmbedding.logits(states);
  const square = { inputs: hiddenSize, outputs: hiddenSize, initializer };
  const pooler = config.pairHead ? createDense(scope.child("pooler"), square) : null;
  const pair = config.pairHead ? createDense(scope.child("pairHead"), { ...square, outputs: 2, kind: "head" }) : null;

  const taskHead =
    config.task &&
    createTaskHead(scope.child("taskHead"), config.task, {
      ...{ hiddenSize, dropout: config.dropout, initializer, summarise: lastToken, pooled: false },
      activation: config.activation,
    });

  const embed = (
    { tokens, tokenTypes }: { tokens: tf.Tensor; tokenTypes?: tf.Tensor },
    positions: tf.Tensor,
    { parts, inputEmbeddings }: Pick<ForwardOptions, "inputEmbeddings"> & { parts: typeof encoderParts },
  ) => parts.positions.addTo(inputEmbeddings ?? scaled(tokenEmbedding.embed(tokens)), { positions, tokenTypes });

  const scaled = (words: tf.Tensor) => (config.embeddingScale === 1 ? words : tf.mul(words, config.embeddingScale));

  const normalizeAndDrop = (stack: "encoder" | "decoder", x: tf.Tensor, { random }: ForwardOptions) =>
    dropAt(`${stack}.embedding`, (stack === "encoder" ? encoderParts : decoderParts).norm(x), {
      rate: config.dropout,
      random,
    });

  const encode = (input: EncoderInput, options: ForwardOptions = {}): ForwardOutput =>
    tf.tidy(() => ({ hidden: encodeRows(input, options, wholeStack) }));

  function encodeRows(input: EncoderInput, options: ForwardOptions, { part, received }: StackRun): tf.Tensor {
    const [batchSize, tokens] = input.tokens.shape as [number, number];
    const positions = input.positions ?? positionsFrom(new Int32Array(batchSize), { tokens, maxPositions });
    const lengths = input.lengths ?? new Int32Array(batchSize).fill(tokens);
    const ranges = input.ranges ?? paddedRanges({ tokens, lengths });
    const start = () =>
      normalizeAndDrop("encoder", embed(input, positions, { ...options, parts: encoderParts }), options);
    return encoder(
      received?.clone() ?? start(),
      {
        ofLayer: encoderLayouts.at({ ranges }),
        ...encoderParts.positions.context(
          { positions, tokenTypes: input.tokenTypes },
          { site: "encoder", random: options.random },
        ),
      },
      { ...options, part },
    );
  }

  const forward = (input: TargetInput, options?: DecoderOptions) =>
    decode(input, { layouts: decoderLayouts, ...options });

  const decode = (input: TargetInput, options: DecoderOptions & { layouts: LayerLayouts }): ForwardOutput =>
    tf.tidy(() => ({ hidden: decodeRows(input, options, wholeStack) }));

  function decodeRows(
    input: TargetInput,
    options: DecoderOptions & { layouts: LayerLayouts },
    { part, received }: StackRun,
  ): tf.Tensor {
    const { cache, layouts } = options;
    const [batchSize, tokens] = input.tokens.shape as [number, number];
    const offsets = cache?.lengths ?? new Int32Array(batchSize);
    const positions = input.positions ?? positionsFrom(offsets, { tokens, maxPositions });
    const ranges = input.ranges ?? causalRanges({ batchSize, tokens, offsets });
    const start = () =>
      normalizeAndDrop("decoder", embed(input, positions, { ...options, parts: decoderParts }), options);
    return decoder(
      received?.clone() ?? start(),
      {
        ofLayer: layouts.at({ ranges, cache }),
        memory: input.memory,
        memoryRanges: memoryRangesOf(input, { tokens }),
        memoryCache: cache?.memory,
        ...decoderParts.positions.context(
          { positions, tokenTypes: cache ? undefined : input.tokenTypes, cache },
          { site: "decoder", random: options.random },
        ),
      },
      { ...options, part },
    );
  }

  /** Where a rank's stage has a part of the stacks. */
  const staged = ({ received, chunk = 0 }: ForwardOptions) => ({
    received,
    stage: stages?.[chunk] ?? null,
    numEncoderLayers: numLayers,
  });

  const encodeAndDecode = (
    source: EncoderInput,
    target: Omit<TargetInput, "memory">,
    options: ForwardOptions = {},
  ): ForwardOutput =>
    tf.tidy(() =>
      runStacks(
        {
          encode: (run) => encodeRows(source, options, run),
          decode: (memory, run) => decodeRows({ ...target, memory }, { ...options, layouts: decoderLayouts }, run),
        },
        staged(options),
      ),
    );

  /** The query stream starts from the position embeddings of its targets. */
  function predictTargets(input: PermutationInput, options: ForwardOptions = {}): ForwardOutput {
    const { tokens, targets, source, lengths } = input;
    if (!source || !targets)
      throw new ModelError("expected both a source and targets, from which the decoder predicts");
    return tf.tidy(() => {
      const [batchSize, width] = tokens.shape as [number, number];
      const rows = width + targets.shape[1]!;
      const positions = textPositions(input);
      const ranges = paddedRanges({ tokens: rows, lengths: lengths ?? new Int32Array(batchSize).fill(width) });
      function start(): tf.Tensor {
        const queries = decoderParts.positions.embeddings({ positions: rowsAt(positions, targets!) });
        const streams = tf.concat([embed({ tokens }, positions, { ...options, parts: decoderParts }), queries], 1);
        return normalizeAndDrop("decoder", streams, options);
      }
      function decodeStreams(memory: tf.Tensor, { part, received }: StackRun): tf.Tensor {
        const seenBy = encoderLayouts.atQueries(streamQueries(input, { batch: batchSize, tokens: width }));
        return decoder(
          received?.clone() ?? start(),
          {
            numKeyTokens: width,
            ofLayer: (layer) => ({ ranges, layout: seenBy(layer) }),
            memory,
            memoryRanges: memoryRangesOf({ memory, memoryLengths: source!.lengths }, { tokens: rows }),
          },
          { ...options, part },
        );
      }
      const place = staged(options);
      const states = runStacks({ encode: (run) => encodeRows(source, options, run), decode: decodeStreams }, place);
      return place.stage && !place.stage.isLast ? states : splitStreams(states.hidden, { tokens: width });
    });
  }

  /** int32 [B, T]: positions in the text, which count down in reversed rows. */
  function textPositions({ tokens, reversed }: PermutationInput): tf.Tensor {
    const [batchSize, width] = tokens.shape as [number, number];
    const forwards = positionsFrom(new Int32Array(batchSize), { tokens: width, maxPositions });
    if (!reversed) return forwards;
    const backwards = tf.tensor2d(Int32Array.from(reversed, Number), [batchSize, 1], "int32");
    return tf.where(tf.cast(backwards, "bool"), tf.sub(tf.scalar(width - 1, "int32"), forwards), forwards);
  }

  function dispose() {
    for (const { tensor } of parameters.values()) tensor.dispose();
    for (const layouts of [encoderLayouts, decoderLayouts]) layouts.dispose();
  }
  const shared = { config, mesh, parameters, logits, dispose };
  const cacheOf = (size: CacheSize) => ({
    ...size,
    numLayers: numDecoderLayers,
    numHeads: numHeads / mesh.tensor.size,
    headSize: hiddenSize / numHeads,
  });
  const decoding = {
    encode,
    forward,
    encodeAndDecode,
    taskLogits: (states: tf.Tensor, options?: Pick<ForwardOptions, "random">) =>
      tf.tidy(() => requirePart(taskHead, "task")(states, options)),
    createCache: (size: CacheSize) =>
      // Relative distances are scored by the places of keys, which a window's cache moves.
      createDecoderCache({ ...cacheOf(size), windowOf: relativeDistances ? undefined : decoderLayouts.windowOf }),
  };
  const masked: EncoderModel = {
    ...shared,
    predictors: {},
    forward: encode,
    embedTokens: (tokens) => tf.tidy(() => scaled(tokenEmbedding.embed(tokens))),
    finalStates: encoder.finalStates,
    pooled: (states) => tf.tidy(() => tf.tanh(requirePart(pooler, "pairHead")(firstToken(states)))),
    pairLogits: (summary) => requirePart(pair, "pairHead")(summary),
    taskLogits: () => requirePart<tf.Tensor>(null, "task"),
  };
  const permutation: PermutationModel = {
    ...shared,
    predictors: {},
    forward: predictTargets,
    taskLogits: () => requirePart<tf.Tensor>(null, "task"),
    decoder: {
      ...shared,
      ...decoding,
      forward(input, options) {
        if (attention && ["fixed", "variable", "bigbird"].includes(attention.layout)) {
          throw new ModelError(
            `attention: ${attention.layout} depends on the text's whole length when it sees both sides, so a permuted text cannot be generated token by token`,
          );
        }
        return decode(input, { layouts: encoderLayouts, ...options });
      },
      // Its window has two sides.
      createCache: (size) => createDecoderCache(cacheOf(size)),
      predictors: {},
      maxPositions,
      reach: window === null ? maxPositions : Math.floor(window / 2),
      hasPositionEmbeddings: !relativeDistances,
    },
  };
  const model: EncoderDecoderModel = {
    ...shared,
    ...decoding,
    get predictors() {
      return { "sequence-to-sequence": model, masked, permutation };
    },
  };
  return model;
}

const oneForBoth = <Part>(part: Part): [Part, Part] => [part, part];

const attentionConfig = (config: EncoderDecoderConfig, numLayers: number) => ({
  numHeads: config.numHeads,
  attentionDropout: config.attentionDropout,
  ...blockInitializers({ ...config, numLayers }),
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
      innerDropout: config.innerDropout ?? (relativeDistances ? dropout : 0),
      ...blockInitializers({ ...config, numLayers }),
    },
  };
}
