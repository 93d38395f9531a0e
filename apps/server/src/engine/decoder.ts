/** Decodes what a model is asked for in one batch, as pieces of text. It does not know who asks, or other models. */
import type { Constraint, DecodingBatch, SequenceEvent } from "@megatron-ts/generate";
import type { ChatTemplate } from "../chat/chat-template.ts";
import { type Choice, type ChoiceContext, createChoice, tokenPiece } from "./choice.ts";
import type { ServedModel } from "./load-served-model.ts";
import { encodePrompt, sequenceOf } from "./prompts.ts";
import type { GenerateRequest, Piece } from "./protocol.ts";

/** A choice that is being generated. */
interface Running {
  id: number;
  index: number;
  choice: Choice;
  /** The prompt, if it is to be repeated before the text. */
  echo: { text: string; tokens: readonly number[] } | null;
}

/** What a step did. */
interface DecodedStep {
  pieces: Piece[];
  /** Requests that ended with an error. */
  refused: { id: number; error: Error }[];
  /** Prompts that were read, and their tokens that needed no computation. */
  promptTokens: number;
  reusedTokens: number;
}

/** The requests to one model. */
export interface Decoder {
  /** Starts a request, and returns how many tokens each prompt has. Throws for one that cannot be served. */
  generate(id: number, request: GenerateRequest): number[];
  /** Ends a request; does nothing for one that has ended. */
  remove(id: number): void;
  /** One token for each sequence whose prompt has been read. */
  step(): DecodedStep;
}

/** What a decoder works with. */
export interface DecoderParts {
  served: ServedModel;
  template: ChatTemplate | null;
  batch: DecodingBatch;
  context: ChoiceContext;
  createConstraint: (pattern: NonNullable<GenerateRequest["pattern"]>) => Constraint;
}

/** Creates a decoder without requests. */
export function createDecoder({ served, template, batch, context, createConstraint }: DecoderParts): Decoder {
  const running = new Map<number, Running>();

  function end(sequence: number) {
    batch.remove(sequence);
    running.delete(sequence);
  }

  function remove(id: number) {
    for (const [sequence, one] of [...running]) if (one.id === id) end(sequence);
  }

  function pieceOf(event: SequenceEvent, { id, index, choice, echo }: Running): Piece {
    const { text, tokens, finishReason, stopped } = choice.push(event);
    if (stopped || finishReason) end(event.sequence);
    const repeated = event.reusedTokens === undefined ? null : echo;
    const scores = repeated && event.promptScores;
    return {
      id,
      choice: index,
      text: (repeated?.text ?? "") + text,
      tokens: [
        ...(scores ? repeated.tokens.map((token, i) => tokenPiece(token, scores[i] ?? null, context)) : []),
        ...tokens,
      ],
      generatedTokens: choice.generatedTokens,
      finishReason,
    };
  }

  return {
    generate(id, request) {
      const encoded = request.prompts.map((prompt) => encodePrompt(served, template, prompt));
      const constraint = request.pattern ? createConstraint(request.pattern) : undefined;
      const sequences: number[] = [];
      try {
        for (const [promptIndex, { tokens, text }] of encoded.entries()) {
          for (let stream = 0; stream < request.n; stream++) {
            const sequence = batch.add({ ...sequenceOf(served, request, { tokens, stream }), constraint });
            sequences.push(sequence);
            const continued = served.prediction === "sequence-to-sequence" ? [] : tokens;
            const choice = createChoice(context, { prompt: continued, stop: request.stop });
            const echo = request.echo ? { text, tokens } : null;
            running.set(sequence, { id, index: promptIndex * request.n + stream, choice, echo });
          }
        }
      } catch (error) {
        for (const sequence of sequences) end(sequence);
        throw error;
      }
      return encoded.map(({ tokens }) => tokens.length);
    },
    remove,
    step() {
      const done: DecodedStep = { pieces: [], refused: [], promptTokens: 0, reusedTokens: 0 };
      for (const event of batch.step()) {
        const one = running.get(event.sequence);
        // Removed by an earlier event of this step.
        if (!one) continue;
        if (event.reusedTokens !== undefined) {
          done.reusedTokens += event.reusedTokens;
          done.promptTokens++;
        }
        if (event.error) {
          remove(one.id);
          done.refused.push({ id: one.id, error: event.error });
        } else {
          // Text that is held back comes with a later piece; a piece without any only says that a token came.
          done.pieces.push(pieceOf(event, one));
        }
      }
      return done;
    },
  };
}
