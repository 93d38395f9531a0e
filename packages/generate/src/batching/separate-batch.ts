/**
 * The same for models whose sequences cannot share a forward: each has a session of its own, and they take turns token by
 * token. Encoder-decoders, permutation models, and causal ones without a pool of pages or with bidirectional prompts.
 */
import type { Model } from "@megatron-ts/model";
import { GenerateError } from "../errors.ts";
import { checkPrompts } from "../prompts/check-prompts.ts";
import { checkSampling } from "../sampling/options.ts";
import type { DecodingSession, SessionOptions } from "../sessions/decoding-session.ts";
import { openDecodingSession } from "../sessions/open-decoding-session.ts";
import {
  type DecodingBatch,
  type SampledSequence,
  type SequenceEvent,
  type SequenceRequest,
  sampleToken,
} from "./decoding-batch.ts";
import { createWaitingList } from "./waiting-list.ts";

interface Sequence extends SampledSequence {
  number: number;
  session: DecodingSession;
}

/** Creates a batch that decodes at most `maxSequences` in turns. */
export function createSeparateBatch(
  model: Model,
  { maxSequences, ...mode }: { maxSequences: number } & Pick<SessionOptions, "prediction" | "bidirectionalPrompt">,
): DecodingBatch {
  const waiting = createWaitingList();
  const running = new Map<number, Sequence>();

  function end(number: number) {
    running.get(number)?.session.dispose();
    running.delete(number);
  }

  function open(number: number, request: SequenceRequest): SequenceEvent {
    const { prompt, maxTokens, startToken } = request;
    const session = openDecodingSession(model, [prompt], { maxTokens: Math.max(1, maxTokens), startToken, ...mode });
    const seen = Array.from(session.promptTokens[0]!);
    const limit = Math.min(maxTokens, session.maxNewTokens[0]!);
    const sequence = { number, request, session, seen, generated: 0, limit };
    running.set(number, sequence);
    if (limit >= 1) return next(sequence, session.prefill()[0]!, { reusedTokens: 0 });
    end(number);
    return { sequence: number, token: null, finishReason: "length", reusedTokens: 0 };
  }

  function next(sequence: Sequence, logits: Float32Array, more: Partial<SequenceEvent> = {}): SequenceEvent {
    const event = { sequence: sequence.number, ...more, ...sampleToken(sequence, logits) };
    if (event.finishReason) end(sequence.number);
    return event;
  }

  /** An error ends the sequence alone. */
  function guarded(number: number, f: () => SequenceEvent): SequenceEvent {
    try {
      return f();
    } catch (error) {
      end(number);
      return { sequence: number, token: null, finishReason: "length", error: error as Error };
    }
  }

  return {
    get running() {
      return running.size;
    },
    get waiting() {
      return waiting.length;
    },
    get cacheUsage() {
      return running.size / maxSequences;
    },
    add(request) {
      checkSampling(request);
      checkPrompts([request.prompt], model.config);
      if (request.scorePrompt)
        throw new GenerateError("only models that read a prompt from left to right score its tokens");
      return waiting.add(request);
    },
    remove(number) {
      waiting.remove(number);
      end(number);
    },
    step() {
      const events = [...running.values()].map((sequence) =>
        guarded(sequence.number, () => next(sequence, sequence.session.decodeStep([sequence.seen.at(-1)!])[0]!)),
      );
      if (running.size < maxSequences && waiting.length > 0) {
        const { number, request } = waiting.shift()!;
        events.push(guarded(number, () => open(number, request)));
      }
      return events;
    },
    dispose() {
      for (const number of [...running.keys()]) end(number);
    },
  };
}
