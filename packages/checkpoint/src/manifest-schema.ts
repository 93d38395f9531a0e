/** What manifest.json says: where every tensor lies, what every file must be, and what a run needs to go on. */
import * as z from "zod";
import { type Dtype, dtypeBytes } from "./tensor-entry.ts";

/** Raised whenever a reader of this version would misread what a newer one writes. */
export const formatVersion = 1;

const count = z.int().nonnegative();
const counts = z.array(count);
const record = z.record(z.string(), z.json());

/** No separators, no leading dot: a manifest cannot point out of its directory. */
export const fileNameSchema = z.string().regex(/^[A-Za-z0-9_][A-Za-z0-9_.-]*$/);

const tensorSchema = z.strictObject({
  name: z.string(),
  dtype: z.enum(Object.keys(dtypeBytes) as [Dtype, ...Dtype[]]),
  /** Of the whole tensor, before any split. */
  shape: counts,
  /** Boxes that cover the tensor once; in its file each carries the tensor's name. One box when a single rank saved. */
  slices: z.array(z.strictObject({ file: fileNameSchema, origin: counts, shape: counts })).min(1),
});

const groupSchema = z.strictObject({ tensors: z.array(tensorSchema) });

export const manifestSchema = z.strictObject({
  formatVersion: z.literal(formatVersion),
  /** Optimizer steps taken. */
  step: count,
  /** Training samples consumed: where the data goes on. */
  consumedSamples: count,
  /** Everything that rebuilds the model. */
  model: record,
  /** Identifies the tokenizer that the embeddings belong to; null for a model without one. */
  tokenizerFingerprint: z.string().nullable(),
  /** Evaluation loss at this step, in nats per token; null where there was none. */
  heldOutLoss: z.number().nullable(),
  /** What else the training loop carries: schedules, plateau, early stopping. */
  training: record,
  groups: z.strictObject({ weights: groupSchema, optimizer: groupSchema.optional() }),
  files: z.array(z.strictObject({ name: fileNameSchema, size: count, sha256: z.string().regex(/^[0-9a-f]{64}$/) })),
});

export type Manifest = z.infer<typeof manifestSchema>;
export type ManifestTensor = z.infer<typeof tensorSchema>;
export type ManifestFile = Manifest["files"][number];
export type JsonRecord = z.infer<typeof record>;
