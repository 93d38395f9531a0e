/**
 * Where an interrupted run resumes: the position in the text between two documents, and the counts of the steps so far.
 * Earlier text is skipped if its file can be read from an offset; otherwise it is read, but its documents take no steps.
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
