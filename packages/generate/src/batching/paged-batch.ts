/**
 * Continuous batching for causal models over a pool of pages: prompts are read in chunks between the steps of the others,
 * pages of prompts that start with the same tokens are shared, and a sequence waits until there are pages for all of it.
 */
import type { PagePool } from "@megatron-ts/attention";
import type { CausalModel } from "@megatron-ts/model";
import * as tf from "@tensorflow/tfjs";
import { GenerateError } from "../errors.ts";
import { checkPrompts } from "../prompts/check-prompts.ts";
import { readRows } from "../ragged-rows.ts";
import { type ScoredToken, scoreToken } from "../sampling/log-probabilities.ts";
import { checkSampling } from "../sampling/options.ts";
import type { Proposal } from "../speculation/choose-token.ts";
import type { Drafter } from "../speculation/drafter.ts";
import {
  type DecodingBatch,
  type SampledSequence,
  type SequenceEvent,
  type SequenceRequest,
  sampleToken,
} from "./decoding-batch.ts";
import type { PageAllocator, PageList } from "./page-allocator.ts";
import { createPagedForward } from "./paged-forward.ts";
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

/** A pool that batches share. */
export interface SharedPages {
  pool: PagePool;
  allocator: PageAllocator;
  /** Whose pages this batch may reuse: those of the same number. */
  owner: number;
  /** Proposes tokens, for batches that decode speculatively. */
  drafter: Drafter | null;
  /** The most pages that a sequence has. */
  pagesPerRow: number;
  /** Called when the batch is disposed. */
  release(): void;
}

/** Creates a batch over the pages of a pool. */
export function createPagedBatch(
  model: CausalModel,
  { pool, allocator, owner, drafter, pagesPerRow, release }: SharedPages,
  { maxSequences, chunkTokens }: PagedBatchOptions,
): DecodingBatch {
  const { maxPositions } = model;
  const { numPages, pageSize } = pool;
  const longest = Math.min(maxPositions, numPages * pageSize);
  const prompts = pool.createView({ batchSize: 1, pagesPerRow });
  const forward = createPagedForward(model, pool, { pagesPerRow });
  const waiting = createWaitingList();
  let running: Sequence[] = [];

  const capacityOf = ({ prompt, maxTokens }: SequenceRequest) =>
    Math.min(Math.max(prompt.length, prompt.length + maxTokens - 1), maxPositions);

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
    // A draft has not read the last tokens.
    const unread = drafter ? drafter.tokens + 1 : 0;
    allocator.share(sequence.list, sequence.seen, { written: sequence.written - unread, owner });
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
    drafter?.read(list.pages, { length: written, tokens: seen.slice(written, stop) });
    sequence.written = stop;
    allocator.share(list, seen, { written: stop, owner });
    for (let i = 0; promptScores && written + i + 1 < promptLength && i < count; i++) {
      promptScores.push(scoreToken(logits[i]!, seen[written + i + 1]!, request.logProbabilities ?? 0));
    }
    return isLast ? logits.at(-1)! : null;
  }

  /** Samples, unless the request only reads its prompt. An error ends the sequence alone. */
  function next(
    sequence: Sequence,
    logits: Float32Array,
    { proposal, ...more }: Partial<SequenceEvent> & { proposal?: Proposal } = {},
  ): SequenceEvent {
    const base = { sequence: sequence.number, ...more };
    try {
      if (sequence.limit < 1) {
        end(sequence);
        return { ...base, token: null, finishReason: "length" };
      }
      const event = { ...base, ...sampleToken(sequence, logits, proposal) };
      if (event.finishReason) end(sequence);
      return event;
    } catch (error) {
      return failed(sequence, error, base);
    }
  }

  function failed(sequence: Sequence, error: unknown, more: Partial<SequenceEvent> = {}): SequenceEvent {
    end(sequence);
    return { sequence: sequence.number, ...more, token: null, finishReason: "length", error: error as Error };
  }

  function decode(sequences: readonly Sequence[]): SequenceEvent[] {
    if (sequences.length === 0) return [];
    const rows = sequences.map(({ list: { pages }, written, seen }) => ({
      pages,
      length: written,
      tokens: seen.slice(-1),
    }));
    const logits = forward.run(rows);
    for (const sequence of sequences) sequence.written++;
    return sequences.map((sequence, row) => next(sequence, logits[row]![0]!));
  }

  /** A draft proposes tokens, and one forward of the model verifies those of each sequence, up to the first that it replaces. */
  function speculate(sequences: readonly Sequence[], drafter: Drafter): SequenceEvent[] {
    if (sequences.length === 0) return [];
    const drafts = drafter.propose(sequences.map((sequence) => ({ ...sequence, pages: sequence.list.pages })));
    const rows = sequences.map(({ list: { pages }, written, seen }, row) => {
      const proposed = drafts[row]!.proposals.map(({ token }) => token);
      // What is read beyond a sequence's tokens is overwritten later.
      const rest = new Array<number>(drafter.tokens - proposed.length).fill(0);
      return { pages, length: written, tokens: [seen.at(-1)!, ...proposed, ...rest] };
    });
    const logits = forward.run(rows);
    return sequences.flatMap((sequence, row) => {
      const { proposals, error } = drafts[row]!;
      if (error) return [failed(sequence, error)];
      const events: SequenceEvent[] = [];
      let accepted = 0;
      for (const [i, after] of logits[row]!.entries()) {
        if (i > proposals.length) break;
        const proposal = proposals[i];
        sequence.written++;
        const event = next(sequence, after, { proposal });
        events.push(event);
        if (!proposal || event.token !== proposal.token) break;
        accepted++;
        if (event.finishReason) break;
      }
      drafter.report({ proposed: proposals.length, accepted });
      return events;
    });
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
      const decoding = running.filter(isRead);
      // There is a place for each proposal, and one for the token after them.
      const isDrafted = ({ limit, generated }: Sequence) => drafter !== null && limit - generated > drafter.tokens;
      const events = decode(decoding.filter((sequence) => !isDrafted(sequence)));
      if (drafter) events.push(...speculate(decoding.filter(isDrafted), drafter));
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
      forward.dispose();
      prompts.dispose();
      release();
    },
  };
}
