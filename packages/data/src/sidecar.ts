/**
 * The sidecar of a dataset, `<prefix>.json`, with what Megatron's two files lack: the tokenizer, the split, the size of the
 * text (for bits per byte), and checksums, of the two files and of itself.
 */
import { createHash } from "node:crypto";
import { closeSync, existsSync, readFileSync } from "node:fs";
import * as z from "zod";
import { DataError } from "./errors.ts";
import { openForReading } from "./files/open-file.ts";

const LARGEST = 1 << 24;

const count = z.number().int().nonnegative();

/** Sizes of a range of documents; bytes, characters (code points) and words of the text before tokenization. */
const textCountsSchema = z.strictObject({
  documents: count,
  tokens: count,
  bytes: count,
  characters: count,
  words: count,
});

const splitSchema = z.strictObject({ start: count, end: count, ...textCountsSchema.shape });
const sha256 = z.string().regex(/^[0-9a-f]{64}$/);
const checksumSchema = z.strictObject({ bytes: count, sha256 });

const contentSchema = z.strictObject({
  format: z.literal("megatron-ts/indexed-dataset"),
  version: z.literal(2),
  jsonKey: z.string(),
  tokenizer: z.strictObject({
    fingerprint: z.string(),
    vocabularySize: count,
    /** Id of the token that ends every document; null if none was appended. */
    endOfDocument: count.nullable(),
  }),
  counts: textCountsSchema,
  split: z.strictObject({
    weights: z.array(z.number().nonnegative()).max(3),
    train: splitSchema,
    validation: splitSchema,
    test: splitSchema,
    /** Number of cuts inside documents, where there were too few documents to split; absent without cuts. */
    cuts: count.optional(),
  }),
  skipped: z.strictObject({ badLines: count, emptyDocuments: count }),
  /** If every sentence is a sequence: the language by whose rules they were split. */
  sentences: z.strictObject({ language: z.string(), sequences: count }).optional(),
  /** Documents that contain an n-gram of evaluation texts; texts with fewer words cannot be found. */
  decontamination: z
    .strictObject({
      ngram: count,
      action: z.enum(["drop", "count"]),
      evaluationTexts: count,
      shortTexts: count,
      contaminated: count,
      tooLong: count,
    })
    .optional(),
  /** Documents dropped as duplicates of earlier ones; `tooLong` ones were kept without comparison. */
  deduplication: z
    .strictObject({
      kind: z.enum(["exact", "minhash"]),
      threshold: z.number().optional(),
      duplicates: count,
      tooLong: count,
    })
    .optional(),
  /** By ISO 639-1 code; "und" where the language is not known. */
  languages: z.record(z.string(), textCountsSchema).optional(),
  files: z.strictObject({ bin: checksumSchema, idx: checksumSchema }),
});

/** Sizes of a range of documents. */
export type TextCounts = z.infer<typeof textCountsSchema>;
/** The content of a sidecar. */
export type DatasetSidecar = z.infer<typeof contentSchema>;

/** Version 1 had no checksum. */
const fileSchema = z.discriminatedUnion("version", [
  contentSchema.extend({ version: z.literal(1) }),
  contentSchema.extend({ sha256 }),
]);

/** The text of the file: the content, and a checksum of it. */
export function formatSidecar(content: DatasetSidecar): string {
  return `${JSON.stringify({ ...content, sha256: checksumOf(content) }, null, 2)}\n`;
}

/** Of the values, not the text, so that reformatting the file does not change it. */
const checksumOf = (content: object): string => createHash("sha256").update(JSON.stringify(content)).digest("hex");

/** Reads a sidecar's file; undefined where it does not exist. Throws as `parseSidecar` does. */
export function readSidecar(path: string): DatasetSidecar | undefined {
  if (!existsSync(path)) return undefined;
  const { descriptor, size } = openForReading(path);
  try {
    if (size > LARGEST) throw new DataError(`is larger than ${LARGEST >> 20} MB`, { source: path });
    return parseSidecar(readFileSync(descriptor), path);
  } finally {
    closeSync(descriptor);
  }
}

/**
 * The content of a sidecar's file.
 * @throws DataError for anything but a sidecar of a known version, and for one that was changed since it was written
 */
export function parseSidecar(bytes: Uint8Array, path: string): DatasetSidecar {
  const value = parseJson(bytes, path);
  const parsed = fileSchema.safeParse(value);
  if (!parsed.success) {
    const issue = parsed.error.issues[0]!;
    const where = issue.path.length > 0 ? `${issue.path.join(".")}: ` : "";
    throw new DataError(`is not a dataset's sidecar (${where}${issue.message}); prepare the text again`, {
      source: path,
    });
  }
  if (parsed.data.version === 1) return { ...parsed.data, version: 2 };
  const { sha256, ...content } = value as DatasetSidecar & { sha256: string };
  if (sha256 === checksumOf(content)) return content;
  throw new DataError("is damaged: its content differs from its checksum (sha256); prepare the text again", {
    source: path,
  });
}

function parseJson(bytes: Uint8Array, path: string): unknown {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (error) {
    throw new DataError(`is damaged: malformed JSON (${(error as Error).message})`, { source: path, cause: error });
  }
}
