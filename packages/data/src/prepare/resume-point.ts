/**
 * A point between two documents from which an interrupted run goes on: where their text begins, and what the steps had
 * counted. Earlier text is not read again, as far as its file can be read from an offset; else its documents take no steps.
 */
import * as z from "zod";

const count = z.number().int().nonnegative();

/** The schema of a point. */
export const resumePointSchema = z.strictObject({
  source: count,
  /** A line of that source where reading starts. Default: its first. */
  start: z.strictObject({ offset: count, line: count }).optional(),
  /** Documents from there that come before. */
  documents: count,
  /** Characters of all documents before that were encoded. */
  characters: count,
  /** Bad lines before the start. */
  badLines: count,
  steps: z.strictObject({
    /** Documents whose signatures are kept. */
    signatures: count,
    duplicates: count,
    longDuplicates: count,
    contaminated: count,
    longContaminated: count,
  }),
});

/** A point. */
export type ResumePoint = z.infer<typeof resumePointSchema>;
/** What the steps had counted. */
export type StepState = ResumePoint["steps"];
