/**
 * Calibration: whether a classifier that is 80 % sure is right 80 % of the time (Guo et al. 2017). Predictions are sorted
 * into bins of equal width by their confidence.
 */
import { createEvaluator, type SumEvaluator, type SumState } from "../evaluator.ts";

/** A prediction with the probability that the model gave it. */
export interface ConfidentPrediction {
  /** 0..1 */
  confidence: number;
  isCorrect: boolean;
}

/** One bin of confidences. */
export interface CalibrationBin {
  examples: number;
  /** Mean confidence, and share of right predictions; NaN in an empty bin. */
  confidence: number;
  accuracy: number;
}

/** How far confidence and accuracy are apart. */
export interface CalibrationResult {
  /** Mean over the examples of |accuracy - confidence| of their bin (ECE). */
  expectedError: number;
  /** The largest |accuracy - confidence| of any bin (MCE). */
  maximumError: number;
  /** From low to high confidence; the reliability diagram. */
  bins: CalibrationBin[];
}

/**
 * Creates a running calibration with `numBins` bins (15 by default), empty or restored from a saved `state()`. A bin has
 * its upper bound, the first one 0 as well. `add` throws a RangeError for a confidence outside 0..1.
 */
export function createCalibration(
  { numBins = 15 }: { numBins?: number } = {},
  saved?: SumState,
): SumEvaluator<ConfidentPrediction, CalibrationResult> {
  return createEvaluator(
    {
      statistics({ confidence, isCorrect }) {
        if (!(confidence >= 0 && confidence <= 1)) throw new RangeError(`confidence must be 0..1, got ${confidence}`);
        const bin = Math.max(Math.ceil(confidence * numBins) - 1, 0);
        const statistics = Array<number>(3 * numBins).fill(0);
        statistics.splice(3 * bin, 3, 1, confidence, Number(isCorrect));
        return statistics;
      },
      score(sums) {
        const bins = Array.from({ length: numBins }, (_, bin) => {
          const [examples, confidence, correct] = [sums[3 * bin]!, sums[3 * bin + 1]!, sums[3 * bin + 2]!];
          return { examples, confidence: confidence / examples, accuracy: correct / examples };
        });
        const filled = bins.filter(({ examples }) => examples > 0);
        const gaps = filled.map(({ accuracy, confidence }) => Math.abs(accuracy - confidence));
        const total = filled.reduce((sum, { examples }) => sum + examples, 0);
        const expected = filled.reduce((sum, { examples }, index) => sum + (examples / total) * gaps[index]!, 0);
        return { expectedError: expected, maximumError: Math.max(...gaps), bins };
      },
    },
    saved,
  );
}
