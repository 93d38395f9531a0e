/**
 * How far an interrupted `prepare` came: a small file beside the output, replaced atomically after the data that it
 * speaks of is on the disk.
 */
import { createHash } from "node:crypto";
import { closeSync, existsSync, fsyncSync, openSync, readFileSync, renameSync, rmSync, writeSync } from "node:fs";
import { z } from "zod";
import { writingTo } from "../errors.ts";
import { type TokenType, tokenType } from "../indexed/format.ts";
import type { TextSource } from "../text/sources.ts";
import { holdsState } from "./collector.ts";

const count = z.number().int().nonnegative();

const journalSchema = z.strictObject({
  version: z.literal(1),
  /** Hash of all that decides the output: inputs, tokenizer, options. */
  key: z.string(),
  /** "publishing": everything is written under temporary names, only renaming is left. */
  phase: z.enum(["encoding", "publishing"]),
  /** Tasks whose result is in the files. */
  tasks: count,
  position: z.strictObject({ tokens: count, sequences: count, documents: count, openTokens: count }),
  /** Counts of the document that is not ended yet. */
  openDocument: z.strictObject({ tokens: count, bytes: count, characters: count, words: count }),
  emptyDocuments: count,
});

export type Journal = z.infer<typeof journalSchema>;

const journalPath = (prefix: string) => `${prefix}.journal`;

/**
 * The journal of an interrupted run that `key` may go on with; undefined where there is none, it speaks of another job,
 * or the files it speaks of are gone: then the work starts over.
 */
export function findJournal(prefix: string, { key, type }: { key: string; type: TokenType }): Journal | undefined {
  let json: unknown;
  try {
    json = JSON.parse(readFileSync(journalPath(prefix), "utf8"));
  } catch {
    return undefined;
  }
  const journal = journalSchema.safeParse(json).data;
  if (journal?.key !== key) return undefined;
  const present =
    journal.phase === "publishing"
      ? existsSync(`${prefix}.json.partial`) || existsSync(`${prefix}.json`)
      : holdsState(prefix, journal, tokenType(type).bytes);
  return present ? journal : undefined;
}

export function writeJournal(prefix: string, journal: Omit<Journal, "version">): void {
  replaceFile(journalPath(prefix), JSON.stringify({ version: 1, ...journal } satisfies Journal));
}

export function removeJournal(prefix: string): void {
  rmSync(journalPath(prefix), { force: true });
}

/** Hash of the inputs, as they are on the disk now, and of everything else that decides the output. */
export function jobKey(sources: readonly TextSource[], settings: readonly unknown[]): string {
  const inputs = sources.map(({ path, format, bytes, modified }) => [path, format, bytes, modified]);
  return createHash("sha256")
    .update(JSON.stringify([inputs, settings]))
    .digest("hex");
}

/** Writes a file so that at every moment the old or the new one is there, whole. */
export function replaceFile(path: string, content: string): void {
  const temporary = `${path}.new`;
  writingTo(temporary, () => {
    const descriptor = openSync(temporary, "w");
    try {
      writeSync(descriptor, content);
      fsyncSync(descriptor);
    } finally {
      closeSync(descriptor);
    }
  });
  renameSync(temporary, path);
}
