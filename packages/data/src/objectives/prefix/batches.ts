/**
 * Batches for prefix language models (Raffel et al. 2020, section 3.2.2; Dong et al. 2019, UniLM): the tokens of a prefix of
 * random length see each other, the rest is predicted from left to right. Documents that are kept apart have a prefix each.
 */
import { hashKey } from "@megatron-ts/random";
import { createStepBatches, IGNORED_LABEL, type StepBatches } from "../../batches/batches.ts";
import type { BatchSchedule } from "../../batches/schedule.ts";
import { documentSpans } from "../../samples/document-spans.ts";
import type { PackedSample, SampleSource } from "../../samples/source.ts";
import { buildCausalBatch, type CausalBatch, type DocumentMasking } from "../causal/batches.ts";
import { createDraws } from "../draws.ts";

/**
 * The batches of a schedule: causal ones whose `keyEnd` is the end of the prefix inside it. The last token of a prefix
 * predicts the first one after it. A prefix has at least one token, and leaves at least one of its text.
 * @param options.samples packed samples of T + 1 tokens
 * @param options.sequenceLength T
 * @param options.seed of the lengths, with the number of a sample
 */
export function createPrefixBatches(
  options: {
    samples: SampleSource<PackedSample>;
    schedule: BatchSchedule;
    sequenceLength: number;
    seed: number;
  } & DocumentMasking,
): StepBatches<CausalBatch> {
  const { samples, schedule, sequenceLength, seed, resetAttention } = options;
  return createStepBatches(schedule, ({ first, count }) => {
    const rows = Array.from({ length: count }, (_, row) => samples.at(first + row));
    const batch = buildCausalBatch(rows, options);
    const labels = batch.labels.slice();
    const keyEnd = Int32Array.from(labels, (_, i) => (i % sequenceLength) + 1);
    rows.forEach(({ documentStarts }, row) => {
      const draws = createDraws(hashKey(seed, "prefix", first + row));
      const base = row * sequenceLength;
      for (const { from, to } of documentSpans(resetAttention ? documentStarts : [], sequenceLength)) {
        if (to - from < 2) continue;
        const end = from + 1 + draws.below(to - from - 1);
        keyEnd.fill(end, base + from, base + end);
        labels.fill(IGNORED_LABEL, base + from, base + end - 1);
      }
    });
    return { ...batch, labels, keyEnd };
  });
}
