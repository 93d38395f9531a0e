/**
 * A draft model in the pages of the sequences that it proposes tokens for: its own keys and values, in pages of the same numbers. It
 * does not know which proposals are accepted; those that were not are overwritten.
 */
import type { PagePool } from "@megatron-ts/attention";
import type { CausalModel } from "@megatron-ts/model";
import { hashKey, uniforms } from "@megatron-ts/random";
import * as tf from "@tensorflow/tfjs";
import { nextOptions, type SampledSequence } from "../batching/decoding-batch.ts";
import { createPagedForward } from "../batching/paged-forward.ts";
import { GenerateError } from "../errors.ts";
import { candidatesOf } from "../sampling/candidates.ts";
import { draw } from "../sampling/sample.ts";
import type { Proposal } from "./choose-token.ts";
import { checkSpeculation, DEFAULT_DRAFT_TOKENS, type DraftOutcome, type SpeculationOptions } from "./options.ts";

/** A sequence to propose tokens for. */
interface DraftedSequence extends SampledSequence {
  pages: ArrayLike<number>;
}

/** What is proposed for a sequence: fewer tokens than asked for where its text would end; none after an error. */
interface Proposals {
  proposals: Proposal[];
  error?: Error;
}

interface PageSizes extends Pick<PagePool, "numPages" | "pageSize"> {
  /** The most pages that a sequence has. */
  pagesPerRow: number;
}

/** Proposes tokens. */
export interface Drafter {
  /** How many tokens it proposes at a time. */
  readonly tokens: number;
  /** Reads tokens of a prompt, of which `length` have been read. */
  read(pages: ArrayLike<number>, options: { length: number; tokens: readonly number[] }): void;
  /** Proposes tokens for sequences that may have one more than that. */
  propose(sequences: readonly DraftedSequence[]): Proposals[];
  /** Reports what became of the proposals for a sequence. */
  report(outcome: DraftOutcome): void;
  dispose(): void;
}

/** Creates a drafter for a model whose pool has these sizes. Throws a GenerateError for a draft that cannot propose to it. */
export function createDrafter(
  model: CausalModel,
  { pagesPerRow, numPages, pageSize, ...options }: SpeculationOptions & PageSizes,
): Drafter {
  checkSpeculation(model, options);
  const { model: draft, tokens: count = DEFAULT_DRAFT_TOKENS, onDraft = () => {} } = options;
  const causal = draft.predictors.causal!;
  const own = causal.createPagePool({ numPages, pageSize });
  if (!own) throw new GenerateError("this draft cannot be used: its keys cannot be kept in pages");
  const prompts = own.createView({ batchSize: 1, pagesPerRow });
  const forward = createPagedForward(causal, own, { pagesPerRow, lastOnly: true });

  /** One proposal, and the sequence with it. Throws a LogitsError for logits that are not finite. */
  function next(sequence: SampledSequence, logits: Float32Array): Proposal {
    const { seed = 0, stream = 0 } = sequence.request;
    const candidates = candidatesOf(logits, nextOptions(sequence));
    const [uniform] = uniforms(hashKey(seed, "draft", stream), 1, { start: sequence.generated });
    return { token: draw(candidates, uniform!), candidates };
  }

  return {
    tokens: count,
    read(pages, { length, tokens }) {
      prompts.place([{ pages, length }]);
      tf.tidy(() => {
        causal.forward({ tokens: tf.tensor2d([...tokens], [1, tokens.length], "int32") }, { cache: prompts });
      });
    },
    propose(sequences) {
      const rows = sequences.map((sequence) => ({
        pages: sequence.pages,
        text: { ...sequence, seen: [...sequence.seen], text: sequence.text?.copy() } as SampledSequence,
        isOver: false,
        found: { proposals: [] } as Proposals,
      }));
      for (let i = 0; i < count && rows.some(({ isOver }) => !isOver); i++) {
        const logits = forward.run(
          rows.map(({ pages, text: { seen } }) => {
            // The last proposal of the time before has not been read, if it was accepted.
            const width = i === 0 ? 2 : 1;
            return { pages, length: seen.length - width, tokens: seen.slice(seen.length - width) };
          }),
        );
        for (const [index, row] of rows.entries()) {
          const { text, found } = row;
          if (row.isOver) {
            text.seen.push(0);
            continue;
          }
          try {
            const proposal = next(text, logits[index]![0]!);
            found.proposals.push(proposal);
            text.seen.push(proposal.token);
            text.generated++;
            row.isOver = endsText(text, proposal.token);
          } catch (error) {
            Object.assign(found, { proposals: [], error });
            text.seen.push(0);
            row.isOver = true;
          }
        }
      }
      return rows.map(({ found }) => found);
    },
    report: onDraft,
    dispose() {
      forward.dispose();
      prompts.dispose();
      own.dispose();
    },
  };
}

/** Whether nothing can follow this token. That a constraint knows no way on is an error only if the model accepts the token. */
function endsText({ request, text }: SampledSequence, token: number): boolean {
  const { stopTokens = [] } = request;
  if (stopTokens.includes(token)) return true;
  if (!text) return false;
  text.push(token);
  try {
    return text.mask.isComplete && stopTokens.length === 0;
  } catch (error) {
    if (error instanceof GenerateError) return true;
    throw error;
  }
}
