/**
 * Continuous batching for causal models over a pool of pages: prompts are read in chunks between the steps of the others,
 * pages of prompts that start with the same tokens are shared, and a sequence waits until there are pages for all of it.
 */
import type { PagedCache, PagePool } from "@megatron-ts/attention";
import type { CausalModel } from "@megatron-ts/model";
import { type Captured, captured } from "@megatron-ts/ops";
import * as tf from "@tensorflow/tfjs";
import { GenerateError } from "../errors.ts";
import { checkPrompts } from "../prompts/check-prompts.ts";
import { readRows } from "../ragged-rows.ts";
import { type ScoredToken, scoreToken } from "../sampling/log-probabilities.ts";
import { checkSampling } from "../sampling/options.ts";
import { nextRanges, weightsOf } from "../sessions/step-inputs.ts";
import {
  type DecodingBatch,
  type SampledSequence,
  type SequenceEvent,
  type SequenceRequest,
  sampleToken,
} from "./decoding-batch.ts";
import type { PageAllocator, PageList } from "./page-allocator.ts";
import { createWaitingList } from "./waiting-list.ts";

/** Sizes of a batch. */
export interface PagedBatchOptions {
  /** The most sequences that are decoded together. */
  maxSequences: number;
  /** Tokens of prompts that are read at a time, between steps of the other sequences. */
  chunkTokens: number;
}

interface Sequence extends SampledSequence {
  number: number;
  promptLength: number;
  list: PageList;
  /** How many of its tokens are in its pages. */
  written: number;
  promptScores: (ScoredToken | null)[] | null;
}

interface Step {
  cache: PagedCache;
  captured: Captured;
}

/** A pool that batches share. */
export interface SharedPages {
  pool: PagePool;
  allocator: PageAllocator;
  /** Whose pages this batch may reuse: those of the same number. */
  owner: number;
  /** Called when the batch is disposed. */
  release(): void;
}

/** Creates a batch over the pages of a pool. */
export function createPagedBatch(
  model: CausalModel,
  { pool, allocator, owner, release }: SharedPages,
  { maxSequences, chunkTokens }: PagedBatchOptions,
): DecodingBatch {
  const { maxPositions } = model;
  const { numPages, pageSize } = pool;
  const pagesPerRow = Math.min(numPages, Math.ceil(maxPositions / pageSize));
  const longest = Math.min(maxPositions, numPages * pageSize);
  const prompts = pool.createView({ batchSize: 1, pagesPerRow });
  const steps = new Map<number, Step>();
  const waiting = createWaitingList();
  let running: Sequence[] = [];

  const capacityOf = ({ prompt, maxTokens }: SequenceRequest) =>
    Math.min(Math.max(prompt.length, prompt.length + maxTokens - 1), maxPositions);

  function stepOf(batchSize: number): Step {
    const known = steps.get(batchSize);
    if (known) return known;
    const cache = pool.createView({ batchSize, pagesPerRow });
    const run = captured(
      (tokens, positions, ranges) => {
        const { hidden } = model.forward({ tokens: tokens!, positions: positions!, ranges: ranges! }, { cache });
        return [model.logits(tf.reshape(hidden, [batchSize, -1]))];
      },
      {
        inputs: [{ shape: [batchSize, 1] }, { shape: [batchSize, 1] }, { shape: [batchSize, 1, 2] }],
        ...weightsOf(model),
      },
    );
    const step = { cache, captured: run };
    steps.set(batchSize, step);
    return step;
  }

  /** Gives the next sequence a place; null if there is none, or no place for it. */
  function admit(): Sequence | null {
    const { first } = waiting;
    if (!first || running.length >= maxSequences) return null;
    const { number, request } = first;
    const list = allocator.allocate(request.prompt, {
      capacity: capacityOf(request),
      reuse: !request.scorePrompt,
      owner,
    });
    if (!list) return null;
    waiting.shift();
    const sequence: Sequence = {
      number,
      request,
      list,
      seen: Array.from(request.prompt),
      generated: 0,
      // The token at the last position still predicts one more.
      limit: Math.min(request.maxTokens, maxPositions - request.prompt.length + 1),
      promptLength: request.prompt.length,
      written: list.reused,
      promptScores: request.scorePrompt ? [null] : null,
    };
    running.push(sequence);
    return sequence;
  }

  function end(sequence: Sequence) {
    allocator.share(sequence.list, sequence.seen, { written: sequence.written, owner });
    allocator.release(sequence.list);
    running = running.filter((other) => other !== sequence);
  }

  /** Reads the next `most` tokens of a prompt. Returns the logits after its last one, and null before that. */
  function read(sequence: Sequence, most: number): Float32Array | null {
    const { seen, written, promptLength, promptScores, list, request } = sequence;
    const stop = Math.min(promptLength, written + most);
    const isLast = stop === promptLength;
    prompts.place([{ pages: list.pages, length: written }]);
    const count = stop - written;
    const logits = readRows(() => {
      const tokens = tf.tensor2d(seen.slice(written, stop), [1, count], "int32");
      const { hidden } = model.forward({ tokens }, { cache: prompts });
      const first = promptScores ? 0 : count - 1;
      return model.logits(tf.reshape(tf.slice(hidden, [0, first, 0], [1, count - first, -1]), [count - first, -1]));
    });
    sequence.written = stop;
    allocator.share(list, seen, { written: stop, owner });
    for (let i = 0; promptScores && written + i + 1 < promptLength && i < count; i++) {
      promptScores.push(scoreToken(logits[i]!, seen[written + i + 1]!, request.logProbabilities ?? 0));
    }
    return isLast ? logits.at(-1)! : null;
  }

  /** Samples, unless the request only reads its prompt. An error ends the sequence alone. */
  function next(sequence: Sequence, logits: Float32Array, more: Partial<SequenceEvent> = {}): SequenceEvent {
    const base = { sequence: sequence.number, ...more };
    try {
      if (sequence.limit < 1) {
        end(sequence);
        return { ...base, token: null, finishReason: "length" };
      }
      const event = { ...base, ...sampleToken(sequence, logits) };
      if (event.finishReason) end(sequence);
      return event;
    } catch (error) {
      end(sequence);
      return { ...base, token: null, finishReason: "length", error: error as Error };
    }
  }

  function decode(sequences: readonly Sequence[]): SequenceEvent[] {
    if (sequences.length === 0) return [];
    const { cache, captured: run } = stepOf(sequences.length);
    cache.place(sequences.map(({ list, written }) => ({ pages: list.pages, length: written })));
    const tokens = Int32Array.from(sequences, ({ seen }) => seen.at(-1)!);
    const logits = readRows(() => run.run(tokens, cache.lengths.slice(), nextRanges(cache.lengths))[0]!);
    for (const sequence of sequences) sequence.written++;
    return sequences.map((sequence, row) => next(sequence, logits[row]!));
  }

  return {
    get running() {
      return running.length;
    },
    get waiting() {
      return waiting.length;
    },
    get cacheUsage() {
      return 1 - allocator.free / numPages;
    },
    add(request) {
      checkSampling(request);
      checkPrompts([request.prompt], model.config);
      const needed = capacityOf(request);
      if (needed > longest) {
        throw new GenerateError(
          `the prompt and ${request.maxTokens} more tokens take ${needed} tokens of a cache of ${longest}: ask for fewer`,
        );
      }
      return waiting.add(request);
    },
    remove(number) {
      waiting.remove(number);
      const sequence = running.find((one) => one.number === number);
      if (sequence) end(sequence);
    },
    step() {
      const isRead = ({ written, promptLength }: Sequence) => written >= promptLength;
      const events = decode(running.filter(isRead));
      // One prompt after another, so that the next finds the pages that it shares with this one.
      for (let left = chunkTokens; left > 0; ) {
        const sequence = running.find((one) => !isRead(one)) ?? admit();
        if (!sequence) break;
        const { written, promptScores, list } = sequence;
        const logits = read(sequence, left);
        left -= sequence.written - written;
        if (!logits) break;
        const more = { reusedTokens: list.reused, ...(promptScores && { promptScores }) };
        events.push(next(sequence, logits, more));
      }
      return events;
    },
    dispose() {
      for (const { cache, captured: run } of steps.values()) {
        run.dispose();
        cache.dispose();
      }
      prompts.dispose();
      release();
    },
  };
}
