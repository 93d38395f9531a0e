/**
 * The transformer block of all families. "pre" normalizes the input of each branch and adds its output to the
 * unnormalized input, as in Megatron and GPT-2 (Shoeybi et al. 2019, figure 2); "post" normalizes the sum, as in BERT.
 */
import { droppable, dropping, recompute } from "@megatron-ts/ops";
import { enterSplitRegion, gatherRows, type Scope, scatterRows } from "@megatron-ts/parallel";
import * as tf from "@tensorflow/tfjs";
import { type AttentionConfig, createCrossAttention, createSelfAttention } from "./attention.ts";
import type { Attention, BlockContext } from "./block-context.ts";
import { dropRows } from "./dropout.ts";
import { createEmbeddingShortcut } from "./embedding-shortcut.ts";
import { createFeedForward, type FeedForwardConfig } from "./feed-forward.ts";
import { createNorm, type NormConfig } from "./norm.ts";

export interface BlockConfig {
  hiddenSize: number;
  normPlacement: "pre" | "post";
  norm: Omit<NormConfig, "size">;
  /** A second norm in each branch, behind it and before dropout (Gemma 2). Default: false. */
  outputNorms?: boolean;
  /** Whether the block mixes the first embeddings into its input. Default: false. */
  embeddingShortcut?: boolean;
  /** Dropout of each branch's output, before it is added. */
  dropout: number;
  attention: Omit<AttentionConfig, "hiddenSize">;
  /** Creates the self-attention. Default: `createSelfAttention`. */
  createAttention?: (scope: Scope, config: AttentionConfig) => Attention;
  /** Cross-attention between self-attention and feed-forward, in decoders. */
  crossAttention?: Omit<AttentionConfig, "hiddenSize">;
  feedForward: Omit<FeedForwardConfig, "hiddenSize">;
}

/**
 * What the backward pass runs again instead of keeping it: nothing; norms and activation functions, which cost little; all but
 * the input of each block; or all but the input of every N-th block.
 */
export type Recomputation = "none" | "selective" | "full" | { every: number };

export interface Block {
  readonly scope: Scope;
  /** [B, T, h] -> [B, T, h] */
  run(x: tf.Tensor, context: BlockContext): tf.Tensor;
}

export function createBlock(scope: Scope, config: BlockConfig): Block {
  const { hiddenSize, normPlacement, dropout: rate, crossAttention, createAttention = createSelfAttention } = config;
  const parts = [
    ...(config.embeddingShortcut ? [createEmbeddingShortcut(scope)] : []),
    createPart("attention", (own) => createAttention(own, { hiddenSize, ...config.attention })),
    ...(crossAttention
      ? [createPart("crossAttention", (own) => createCrossAttention(own, { hiddenSize, ...crossAttention }))]
      : []),
    createPart("feedForward", (own) => createFeedForward(own, { hiddenSize, ...config.feedForward })),
  ];

  /** A residual branch with its norm and dropout. */
  function createPart(name: string, create: (scope: Scope) => (x: tf.Tensor, context: BlockContext) => tf.Tensor) {
    const transform = create(scope.child(name));
    const createOwnNorm = (own: string) =>
      createNorm(scope.child(own), { ...config.norm, size: hiddenSize }, { ofRows: true });
    const norm = createOwnNorm(`${name}Norm`);
    const outputNorm = config.outputNorms ? createOwnNorm(`${name}OutputNorm`) : (y: tf.Tensor) => y;
    const { mesh } = scope;
    const site = `${scope.path}.${name}`;
    return (x: tf.Tensor, context: BlockContext): tf.Tensor => {
      const { rows = x.shape[1]!, random } = context;
      const entered = enterSplitRegion(normPlacement === "pre" ? norm(x) : x, { mesh, rows });
      const branch = outputNorm(transform(entered, context));
      const sum = tf.add(x, dropRows(site, branch, { rate, random, rows, mesh }));
      return normPlacement === "pre" ? sum : norm(sum);
    };
  }

  return { scope, run: (x, context) => tf.tidy(() => parts.reduce((y, part) => part(y, context), x)) };
}

interface RunOptions {
  contextOf: (index: number) => BlockContext;
  /** The blocks to run. Default: all. */
  stage?: { first: number; end: number } | null;
  recomputation?: Recomputation;
  observe?: ((name: string, tensor: tf.Tensor, index: number) => void) | null;
}

/**
 * Runs x [B, T, h] through the blocks, each with the context that `contextOf` returns. Recomputation does not change results or
 * gradients. Consumes x.
 */
export function runBlocks(blocks: readonly Block[], x: tf.Tensor, options: RunOptions): tf.Tensor {
  const { mesh } = blocks[0]!.scope;
  const axis = mesh.tensor;
  if (axis.size === 1 || !mesh.sequenceParallel) return runInTurn(blocks, x, options);
  const rows = x.shape[1]!;
  const own = scatterRows(x, axis);
  x.dispose();
  let firstEmbedding: tf.Tensor | null = null;
  const contextOf = (index: number) => {
    const context = options.contextOf(index);
    if (context.firstEmbedding) firstEmbedding ??= scatterRows(context.firstEmbedding, axis);
    return { ...context, rows, firstEmbedding };
  };
  const last = runInTurn(blocks, own, { ...options, contextOf });
  const whole = gatherRows(last, { axis, rows });
  last.dispose();
  return whole;
}

function runInTurn(
  blocks: readonly Block[],
  x: tf.Tensor,
  { contextOf, stage, recomputation = "none", observe }: RunOptions,
): tf.Tensor {
  let current = x;
  const every = typeof recomputation === "object" ? recomputation.every : 1;
  const { first: start, end } = stage ?? { first: 0, end: blocks.length };
  for (let first = start; first < end; first += every) {
    const group = () =>
      blocks.slice(first, Math.min(first + every, end)).forEach((block, i) => {
        const context = contextOf(first + i);
        const next =
          context.cache || recomputation === "none" || recomputation === "selective"
            ? block.run(current, context)
            : runAgain(block, current, context, every > 1 ? droppable : recompute);
        current.dispose();
        current = next;
        observe?.(`${block.scope.path}.output`, current, first + i);
      });
    if (every > 1 || recomputation === "selective") dropping(group);
    else group();
  }
  return current;
}

/** Passes the tensors of the context as inputs of the recomputed function: those in its closure may be disposed by then. */
function runAgain(block: Block, x: tf.Tensor, context: BlockContext, how: typeof recompute | typeof droppable) {
  const shared = Object.entries(context).filter((entry): entry is [string, tf.Tensor] => entry[1] instanceof tf.Tensor);
  const { layout } = context;
  const lists = layout ? [layout.offsets, layout.blocks, layout.masks] : [];
  const run = (y: tf.Tensor, ...tensors: tf.Tensor[]) => {
    const [offsets, blocks, masks] = tensors.slice(shared.length) as [tf.Tensor, tf.Tensor, tf.Tensor];
    return block.run(y, {
      ...context,
      ...Object.fromEntries(shared.map(([name], i) => [name, tensors[i]!])),
      layout: layout && { ...layout, offsets, blocks, masks },
    });
  };
  const parameters = block.scope.declared().flatMap(({ tensor, frozen }) => (frozen ? [] : [tensor]));
  const inputs = [x, ...shared.map(([, tensor]) => tensor), ...lists];
  return [how(run as (...tensors: tf.Tensor[]) => tf.Tensor, inputs, { parameters })].flat()[0]!;
}
