/** Multi-head self-attention and cross-attention with their projections; heads are split over the tensor axis. */
import { attend } from "@megatron-ts/attention";
import { rotary } from "@megatron-ts/ops";
import { type Initializer, type Scope, withRowsInReach } from "@megatron-ts/parallel";
import * as tf from "@tensorflow/tfjs";
import type { Attention } from "./block-context.ts";
import type { StepRandomness } from "./dropout.ts";
import { dropoutAt } from "./dropout.ts";
import { createGlobalAttention } from "./global-attention.ts";
import { getOrCompute } from "./memory-cache.ts";
import type { NormConfig } from "./norm.ts";
import { createProjection, type Projection } from "./projection.ts";
import { createQueryKeyNorm } from "./query-key-norm.ts";
import { createValueEmbedding } from "./value-embedding.ts";

export interface AttentionConfig {
  hiddenSize: number;
  numHeads: number;
  /** Heads of keys and values, each shared by a group of query heads. Default: `numHeads`. */
  numKeyValueHeads?: number;
  /** Default: hiddenSize / numHeads. */
  headSize?: number;
  attentionDropout: number;
  /** Whether the projections have biases. Default: true. */
  bias?: boolean;
  /** Whether the output projection has one. Default: `bias`. */
  outputBias?: boolean;
  /** Factor of the scores. Default: 1 / sqrt(headSize). */
  scale?: number;
  /** Keeps the scores of self-attention within this cap. Default: none. */
  scoreCap?: number;
  /** Normalizes the queries and keys of self-attention, before rotary positions. Default: no norms. */
  queryKeyNorm?: Omit<NormConfig, "size">;
  /** Projects queries, keys and values of global attention by weights of their own (Longformer). Default: false. */
  globalProjections?: boolean;
  /** A trained logit in each head that takes its share of the softmax. Default: false. */
  sinks?: boolean;
  /** Adds an embedding of each token to its values, in self-attention. Default: none. */
  valueEmbedding?: { vocabularySize: number };
  initializer: Initializer;
  /** For the query projection, whose initial weights T5 scales down. */
  queryInitializer?: Initializer;
  /** For the output projection, whose initial weights Megatron scales down with depth. */
  outputInitializer: Initializer;
}

/**
 * Creates the four projections: x [B, T, h], which has entered the split region, to heads [B, T, H, D], and heads back to [B, T, h].
 * @param options.ofMemory whether keys and values are of a memory, which has not entered
 */
export function createProjections(scope: Scope, config: AttentionConfig, { ofMemory = false } = {}) {
  const { hiddenSize, numHeads, numKeyValueHeads = numHeads, bias, initializer, outputInitializer } = config;
  const headSize = config.headSize ?? hiddenSize / numHeads;
  const project = (name: string, heads: number, { own = initializer, entered = !ofMemory } = {}) =>
    createProjection(scope.child(name), {
      split: "column",
      inputs: hiddenSize,
      outputs: heads * headSize,
      initializer: own,
      bias,
      entered,
    });
  const query = project("query", numHeads, { own: config.queryInitializer, entered: true });
  const key = project("key", numKeyValueHeads);
  const value = project("value", numKeyValueHeads);
  const output = createProjection(scope.child("output"), {
    split: "row",
    inputs: numHeads * headSize,
    outputs: hiddenSize,
    initializer: outputInitializer,
    bias: config.outputBias ?? bias,
  });
  /** [B, T, heads * D] -> [B, T, heads, D] */
  const byHead = (x: tf.Tensor) => tf.reshape(x, [x.shape[0]!, x.shape[1]!, -1, headSize]);
  const heads =
    (project: Projection): Projection =>
    (x, options) =>
      byHead(project(x, options));
  const joined: Projection = (x, options) => output(tf.reshape(x, [x.shape[0]!, x.shape[1]!, -1]), options);
  return { query: heads(query), key: heads(key), value: heads(value), output: joined };
}

/** Creates self-attention, with rotary positions, a bias and a cache if the context has them. */
export function createSelfAttention(scope: Scope, config: AttentionConfig): Attention {
  const project = createProjections(scope, config);
  const size = config.headSize ?? config.hiddenSize / config.numHeads;
  const normalise = config.queryKeyNorm ? createQueryKeyNorm(scope, { ...config.queryKeyNorm, size }) : null;
  const embedValues = config.valueEmbedding
    ? createValueEmbedding(scope, { ...config, ...config.valueEmbedding })
    : null;
  const attendGlobally = config.globalProjections ? createGlobalAttention(scope, config) : null;
  const sinks = config.sinks
    ? scope.parameter("sinks", [config.numHeads], config.initializer, { placement: { dimension: 0, axis: "tensor" } })
    : null;
  return (x, context) => {
    const { ranges, layout, numKeyTokens, bias, distanceBias, cache, random, observe, rotaryCosines, rotarySines } =
      context;
    const { keysInReach } = context;
    const { context: axis } = scope.mesh;
    const fetched = (heads: tf.Tensor) => (keysInReach ? withRowsInReach(heads, { axis, ...keysInReach }) : heads);
    const turned = (heads: tf.Tensor) =>
      rotaryCosines && rotarySines ? rotary(heads, { cosines: rotaryCosines, sines: rotarySines }) : heads;
    const place = (part: "query" | "key", heads: tf.Tensor) => turned(normalise ? normalise[part](heads) : heads);
    const q = place("query", project.query(x, { random }));
    const seen = numKeyTokens === undefined ? x : tf.slice(x, [0, 0, 0], [-1, numKeyTokens, -1]);
    const k = fetched(place("key", project.key(seen, { random })));
    const own = project.value(seen, { random });
    const keys = cache ? cache.pageTable.shape[1]! * cache.keys.shape[1]! : k.shape[1]!;
    const attended = attend(
      { q, k, v: fetched(embedValues ? embedValues(own, context) : own) },
      {
        keyRanges: ranges,
        layout,
        bias,
        distanceBias,
        sinks: sinks?.tensor,
        cache,
        scale: config.scale,
        cap: config.scoreCap,
        dropout: probabilityDropout(scope, { q, keys, rate: config.attentionDropout, random, keysInReach }),
        observe: observe && ((probabilities) => observe(`${scope.path}.probabilities`, probabilities)),
      },
    );
    return project.output(attendGlobally ? attendGlobally(x, attended, context) : attended, { random });
  };
}

/** Creates cross-attention to a memory, whose keys and values are computed once per `memoryCache`. */
export function createCrossAttention(scope: Scope, config: AttentionConfig): Attention {
  const project = createProjections(scope, config, { ofMemory: true });
  return (x, { memory, memoryRanges, memoryCache, random, observe }) => {
    if (!memory || !memoryRanges) throw new Error(`${scope.path} needs a memory to attend to`);
    const k = getOrCompute(memoryCache, `${scope.path}.key`, () => project.key(memory, { random }));
    const v = getOrCompute(memoryCache, `${scope.path}.value`, () => project.value(memory, { random }));
    const q = project.query(x, { random });
    const attended = attend(
      { q, k, v },
      {
        keyRanges: memoryRanges,
        scale: config.scale,
        dropout: probabilityDropout(scope, { q, keys: k.shape[1]!, rate: config.attentionDropout, random }),
        observe: observe && ((probabilities) => observe(`${scope.path}.probabilities`, probabilities)),
      },
    );
    return project.output(attended, { random });
  };
}

/** Options for dropout of the attention probabilities of queries q [B, T, H, D] over `keys` keys. */
export function probabilityDropout(
  scope: Scope,
  {
    q,
    keys,
    rate,
    random,
    keysInReach,
  }: {
    q: tf.Tensor;
    keys: number;
    rate: number;
    random?: StepRandomness | null;
    keysInReach?: { start: number; length: number } | null;
  },
) {
  const [batch, tokens, heads] = q.shape as [number, number, number];
  const split = { dimension: 1, axis: scope.mesh.tensor };
  return dropoutAt(`${scope.path}.probabilities`, {
    ...{ rate, random, split, shape: [batch, heads, tokens, keys], tokens: 2 },
    keys: keysInReach ?? undefined,
  });
}
