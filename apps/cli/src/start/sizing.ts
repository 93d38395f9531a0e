/** Measures the machine and chooses the size of the model that learns most in the minutes given. */

import type { Tokenizer } from "@megatron-ts/tokenizer";
import type { PretrainConfig, StarterSize } from "@megatron-ts/train";
import { UsageError } from "../errors.ts";
import { exitOnInterrupt } from "../terminal/interruption.ts";
import type { Terminal } from "../terminal/terminal.ts";

/** Sizes whose speed is measured, and for how long at most; the speed of the others lies on the line through both. */
const MEASURED = [1, 4];
const SECONDS_EACH = 4;
const SHARE_EACH = 0.05;

/** Fewer updates than this teach nothing. */
const FEWEST_STEPS = 10;

/** Planned beyond the measured pace: the clock ends the run, in the same shape as its last step would. */
const SLACK = 1.25;

interface SizingOptions {
  tokenizer: Tokenizer;
  /** Threads that compute. */
  threads: number;
  seconds: number;
  /** Tokens of the text to train on. */
  uniqueTokens: number;
  /** The configuration that trains a size. */
  configure: (size: StarterSize) => PretrainConfig;
}

/** Throws a UsageError if even the smallest model has too little time. */
export async function chooseSize(
  { tokenizer, threads, seconds, uniqueTokens, configure }: SizingOptions,
  terminal: Terminal,
): Promise<{ size: StarterSize; steps: number }> {
  const { measureTraining, starterBatch, starterSizes } = await import("@megatron-ts/train");
  const { bestFor, smallModelLaw } = await import("@megatron-ts/cost");
  const stopListening = exitOnInterrupt(terminal, "rerun the same command to resume");
  const progress = terminal.progress("measuring this machine");
  try {
    const points: { work: number; seconds: number }[] = [];
    const measured: string[] = [];
    let isBusy = false;
    for (const [i, index] of MEASURED.entries()) {
      progress.update((i + 0.5) / MEASURED.length, "");
      const size = starterSizes[index]!;
      const { secondsPerStep, busy } = await measureTraining(configure(size), {
        tokenizer,
        threads,
        seconds: Math.min(SECONDS_EACH, SHARE_EACH * seconds),
      });
      points.push({ work: workPerToken(size, tokenizer), seconds: secondsPerStep });
      measured.push(`${Math.round(1000 * secondsPerStep)} ms a step of ${size.numLayers} x ${size.hiddenSize}`);
      isBusy ||= busy;
    }
    terminal.log(`measured ${measured.join(", ")}${isBusy ? " (by processor time: other programs are running)" : ""}`);
    const pace = lineThrough(points[0]!, points[1]!);
    const tokensPerStep = starterBatch.sequenceLength * starterBatch.batchSize;
    const candidates = starterSizes.map((size) => ({
      size,
      parameters: blockParameters(size),
      secondsPerToken: pace(workPerToken(size, tokenizer)) / tokensPerStep,
    }));
    const stepsOf = ({ secondsPerToken }: { secondsPerToken: number }) => seconds / (secondsPerToken * tokensPerStep);
    const possible = candidates.filter((candidate) => stepsOf(candidate) >= FEWEST_STEPS);
    if (possible.length === 0) {
      const minutes = (FEWEST_STEPS * candidates[0]!.secondsPerToken * tokensPerStep) / 60;
      throw new UsageError(
        `--minutes ${Number((seconds / 60).toPrecision(3))}: too few for ${FEWEST_STEPS} steps of the smallest model: expected at least ${minutes.toPrecision(2)}`,
      );
    }
    const best = bestFor(possible, { law: smallModelLaw, seconds, uniqueTokens });
    return { size: best.size, steps: Math.ceil(SLACK * stepsOf(best)) };
  } finally {
    progress.stop();
    stopListening();
  }
}

const blockParameters = ({ numLayers, hiddenSize }: StarterSize) => 12 * numLayers * hiddenSize ** 2;

/** In proportion to the matrix products of a token: the blocks', and the head's. */
const workPerToken = (size: StarterSize, { vocabularySize }: Tokenizer) =>
  blockParameters(size) + vocabularySize * size.hiddenSize;

/** Seconds per step by work; never faster than in proportion to the larger point, should the smaller have been disturbed. */
function lineThrough(small: { work: number; seconds: number }, large: { work: number; seconds: number }) {
  const slope = Math.max(0, (large.seconds - small.seconds) / (large.work - small.work));
  const fixed = Math.max(0, small.seconds - slope * small.work);
  return (work: number) => Math.max(fixed + slope * work, work > large.work ? (large.seconds * work) / large.work : 0);
}
