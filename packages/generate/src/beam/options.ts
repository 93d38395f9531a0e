/** Options of beam search and their ranges. */
import { GenerateError } from "../errors.ts";

/** How beam search scores and ends. The defaults are those of transformers, except for the number of beams. */
export interface BeamOptions {
  /** Unfinished sequences that are kept for each prompt. Default: 4. */
  numBeams?: number;
  /**
   * Groups that the beams are divided into, each a search of its own: it avoids the tokens that the groups before it have chosen at
   * the same step (diverse beam search, Vijayakumar et al. 2018). Default: 1.
   */
  numBeamGroups?: number;
  /** What a token loses for each beam of an earlier group that has chosen it, in nats. Above 0 with several groups; 0, the default, with one. */
  diversityPenalty?: number;
  /** Best sequences to return for each prompt, at most `numBeams`. Default: 1. */
  numReturn?: number;
  /** A score is the sum of log-probabilities / length ^ penalty; above 0, longer sequences score better. Default: 1. */
  lengthPenalty?: number;
  /**
   * When a prompt is done that has `numBeams` finished sequences: true at once, false when its best unfinished one scores
   * worse at its present length, "never" when it would at any length. Default: false.
   */
  earlyStopping?: boolean | "never";
  /** Sequences in which a run of this many tokens occurs twice are left out. Default: 0, off. */
  noRepeatNgramSize?: number;
}

/** Fills in the defaults. Throws a GenerateError that names the first option out of range. */
export function beamOptions(options: BeamOptions): Required<BeamOptions> {
  const { numBeams = 4, numReturn = 1, lengthPenalty = 1, earlyStopping = false, noRepeatNgramSize = 0 } = options;
  const { numBeamGroups = 1, diversityPenalty = 0 } = options;
  const expect = (condition: boolean, message: string) => {
    if (!condition) throw new GenerateError(message);
  };
  expect(Number.isInteger(numBeams) && numBeams >= 1, `the number of beams must be an integer >= 1, got ${numBeams}`);
  expect(
    Number.isInteger(numBeamGroups) && numBeamGroups >= 1 && numBeams % numBeamGroups === 0,
    `the number of beam groups must divide the number of beams, ${numBeams}; got ${numBeamGroups}`,
  );
  expect(
    numBeamGroups === 1 ? diversityPenalty === 0 : Number.isFinite(diversityPenalty) && diversityPenalty > 0,
    `the diversity penalty must be above 0 with several beam groups and 0 with one; got ${diversityPenalty} with ${numBeamGroups}`,
  );
  expect(
    Number.isInteger(numReturn) && numReturn >= 1 && numReturn <= numBeams,
    `the number of sequences to return must be from 1 to the number of beams, ${numBeams}; got ${numReturn}`,
  );
  expect(Number.isFinite(lengthPenalty), `the length penalty must be a number, got ${lengthPenalty}`);
  expect(
    Number.isInteger(noRepeatNgramSize) && noRepeatNgramSize >= 0,
    `the size of n-grams not to repeat must be an integer >= 0, got ${noRepeatNgramSize}`,
  );
  return { numBeams, numBeamGroups, diversityPenalty, numReturn, lengthPenalty, earlyStopping, noRepeatNgramSize };
}
