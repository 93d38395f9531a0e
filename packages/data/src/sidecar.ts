/**
 * The sidecar of a dataset, `<prefix>.json`, with what Megatron's two files lack: the tokenizer, the split, the size of the
 * text (for bits per byte), and checksums.
 */
import { readFileSync } from "node:fs";
import * as z from "zod";
import { DataError, fileError } from "./errors.ts";

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
const fileSchema = z.strictObject({ bytes: count, sha256: z.string().regex(/^[0-9a-f]{64}$/) });

/** The content of the file. */
export const sidecarSchema = z.strictObject({
  format: z.literal("megatron-ts/indexed-dataset"),
  version: z.literal(1),
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
  files: z.strictObject({ bin: fileSchema, idx: fileSchema }),
});

/** Sizes of a range of documents. */
export type TextCounts = z.infer<typeof textCountsSchema>;
/** The content of a sidecar. */
export type DatasetSidecar = z.infer<typeof sidecarSchema>;

/**
 * Reads `<prefix>.json`; undefined where it does not exist.
 * @throws DataError for anything but a sidecar of a known version
 */
export function readSidecar(prefix: string): DatasetSidecar | undefined {
  const path = `${prefix}.json`;
  let json: string;
  try {
    json = readFileSync(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw fileError(error, path);
  }
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch (error) {
    throw new DataError(`is damaged: malformed JSON (${(error as Error).message})`, { source: path, cause: error });
  }
  const parsed = sidecarSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0]!;
  const where = issue.path.length > 0 ? `${issue.path.join(".")}: ` : "";
  throw new DataError(`is not a dataset's sidecar (${where}${issue.message}); prepare the text again`, {
    source: path,
  });
}
