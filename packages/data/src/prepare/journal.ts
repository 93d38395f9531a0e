/**
 * The journal of a run, from which an interrupted one is resumed: a small file next to the output, replaced atomically once
 * the data that it describes is on disk.
 */
import { createHash } from "node:crypto";
import { existsSync, readFileSync, rmSync } from "node:fs";
import * as z from "zod";
import { replaceFile } from "../files/replace-file.ts";
import { partialPath } from "../indexed/dataset-paths.ts";
import { type TokenType, tokenType } from "../indexed/format.ts";
import type { TextSource } from "../text/sources.ts";
import { filesMatch } from "./collector.ts";
import { resumePointSchema } from "./resume-point.ts";

const count = z.number().int().nonnegative();

const journalSchema = z.strictObject({
  version: z.literal(2),
  /** Hash of everything that decides the output: inputs, tokenizer, options. */
  key: z.string(),
  /** "publishing": all files are complete and only need to be renamed. */
  phase: z.enum(["encoding", "publishing"]),
  /** Tasks whose results are in the files. */
  tasks: count,
  position: z.strictObject({ tokens: count, sequences: count, documents: count, openTokens: count }),
  /** Sizes of the document that is not complete yet. */
  openDocument: z.strictObject({ tokens: count, bytes: count, characters: count, words: count }),
  emptyDocuments: count,
  /** Marks inside documents. */
  marks: count,
  /** The last point at which a task ends with a document, and the number of that task. */
  point: resumePointSchema.extend({ tasks: count }).optional(),
});

/** Progress of a run. */
export type Journal = z.infer<typeof journalSchema>;

/** The sidecar of a dataset that is to be divided by languages, and is not one itself. */
export const wholeSidecarPath = (prefix: string) => `${prefix}.sidecar.partial`;

const journalPath = (prefix: string) => `${prefix}.journal`;

/**
 * The journal of an interrupted run of the same job; undefined where there is none, it belongs to another job, or the files
 * that it describes are gone.
 */
export function findJournal(prefix: string, { key, type }: { key: string; type: TokenType }): Journal | undefined {
  const journal = readJournal(prefix);
  if (journal?.key !== key) return undefined;
  const present =
    journal.phase === "publishing"
      ? [partialPath(prefix, "json"), wholeSidecarPath(prefix), `${prefix}.json`].some(existsSync)
      : filesMatch(prefix, journal, tokenType(type).bytes);
  return present ? journal : undefined;
}

/** How far the last run of any job has come; undefined where there is no journal. */
export const phaseOf = (prefix: string): Journal["phase"] | undefined => readJournal(prefix)?.phase;

function readJournal(prefix: string): Journal | undefined {
  try {
    return journalSchema.safeParse(JSON.parse(readFileSync(journalPath(prefix), "utf8"))).data;
  } catch {
    return undefined;
  }
}

/** Replaces the journal. */
export function writeJournal(prefix: string, journal: Omit<Journal, "version">): void {
  replaceFile(journalPath(prefix), JSON.stringify({ version: 2, ...journal } satisfies Journal));
}

/** Removes the journal, if there is one. */
export function removeJournal(prefix: string): void {
  rmSync(journalPath(prefix), { force: true });
}

/** Hash of the inputs, as they are on disk now, and of everything else that decides the output. */
export function jobKey(sources: readonly TextSource[], settings: readonly unknown[]): string {
  const inputs = sources.map(({ path, format, bytes, modified }) => [path, format, bytes, modified]);
  return createHash("sha256")
    .update(JSON.stringify([inputs, settings]))
    .digest("hex");
}
