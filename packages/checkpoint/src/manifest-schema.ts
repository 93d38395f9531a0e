/** The schema of manifest.json: where every tensor is, the digest of every file, and what a run needs to resume. */
import * as z from "zod";
import { type Dtype, dtypeBytes } from "./tensor-entry.ts";

/** Increases when a reader of this version would misread what a newer one writes. */
export const formatVersion = 1;

const count = z.int().nonnegative();
const counts = z.array(count);
const record = z.record(z.string(), z.json());

/** A file name without separators or a leading dot, so that a manifest cannot refer to files outside its directory. */
export const fileNameSchema = z.string().regex(/^[A-Za-z0-9_][A-Za-z0-9_.-]*$/);

const tensorSchema = z.strictObject({
  name: z.string(),
  dtype: z.enum(Object.keys(dtypeBytes) as [Dtype, ...Dtype[]]),
  /** Shape of the whole tensor, before any split. */
  shape: counts,
  /**
   * Boxes that together cover the tensor exactly; each is stored under the tensor's name. One if a single rank saved.
   */
  slices: z.array(z.strictObject({ file: fileNameSchema, origin: counts, shape: counts })).min(1),
});

const groupSchema = z.strictObject({ tensors: z.array(tensorSchema) });

/** The schema of everything but the checksum. */
export const manifestSchema = z.strictObject({
  formatVersion: z.literal(formatVersion),
  /** Optimizer steps taken. */
  step: count,
  /** Training samples consumed, from which the data resumes. */
  consumedSamples: count,
  /** Configuration of the model. */
  model: record,
  /** Identifies the tokenizer that the embeddings belong to; null if there is none. */
  tokenizerFingerprint: z.string().nullable(),
  /** What identifies the weights by the files that they were saved in first; absent where these are the files. */
  weightsFingerprint: z.string().optional(),
  /** Validation loss at this step, in nats per token; null if there was no evaluation. */
  heldOutLoss: z.number().nullable(),
  /** Other state of the training loop: schedules, plateau, early stopping. */
  training: record,
  groups: z.strictObject({ weights: groupSchema, optimizer: groupSchema.optional() }),
  files: z.array(z.strictObject({ name: fileNameSchema, size: count, sha256: z.string().regex(/^[0-9a-f]{64}$/) })),
});

/** The decoded manifest.json of a checkpoint. */
export type Manifest = z.infer<typeof manifestSchema>;
/** A manifest to encode: whether its free-form parts are JSON is checked then. */
export type ManifestInput = Omit<Manifest, "model" | "training"> &
  Record<"model" | "training", Readonly<Record<string, unknown>>>;
/** A tensor of a group, and the slices it is stored in. */
export type ManifestTensor = z.infer<typeof tensorSchema>;
/** A file of the checkpoint with its size and digest. */
export type ManifestFile = Manifest["files"][number];
/** A JSON object. */
export type JsonRecord = z.infer<typeof record>;
