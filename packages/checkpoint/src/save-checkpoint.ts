/**
 * Saves a checkpoint: a directory, written atomically, with weights and optimizer state in separate safetensors files. Several ranks save
 * together, each its own part, so that they write in parallel. Knows bytes, not tensors or models.
 */
import { agree, alone, outcomeOf, type SavingRanks } from "./agreement.ts";
import { type CheckpointPart, planFiles, type TensorGroups, writePart } from "./checkpoint-part.ts";
import { discardWorkplace, saveError } from "./directory.ts";
import { type CheckpointFacts, checkShared, commitDraft, type Draft, openDraft } from "./draft.ts";
import type { WriteBytes } from "./file-writer.ts";

/** What to save, and where. */
export interface SaveCheckpointOptions {
  /** The checkpoint's own directory. An earlier checkpoint there is replaced; anything else is an error. */
  directory: string;
  /** Optimizer steps taken. */
  step: number;
  /** Training samples consumed. */
  consumedSamples: number;
  /** Configuration of the model, as JSON. */
  model: Readonly<Record<string, unknown>>;
  /** Identifies the tokenizer that the embeddings belong to. */
  tokenizerFingerprint?: string;
  /** Validation loss at this step, in nats per token. Not recorded unless it is finite. */
  heldOutLoss?: number;
  /** Identifies the weights, which were saved in other files before. Default: their files do. */
  weightsFingerprint?: string;
  /** Other state of the training loop, as JSON. */
  training?: Readonly<Record<string, unknown>>;
  /** Tensors; the optimizer's are optional. Where several ranks save, those that this rank writes, or boxes of them. */
  groups: TensorGroups;
  /** Additional files by name, such as the tokenizer and the recipe. */
  extraFiles?: Record<string, Uint8Array>;
  /** Size at which tensors are split into several files. Default: 4 GiB. */
  maxShardBytes?: number;
  /**
   * The ranks that save together; all of them save the same at the same time, to one directory that all see. What is said of the
   * checkpoint besides its tensors is the first rank's. Default: this process alone.
   */
  ranks?: SavingRanks;
  /** Replaces `fs.writeSync`, for tests. */
  write?: WriteBytes;
}

/** What to save, sorted by who needs it: what all ranks write, and what the first says of it. */
export function planSave({ groups, extraFiles = {}, maxShardBytes = 2 ** 32, ...options }: SaveCheckpointOptions) {
  const { ranks = alone } = options;
  const facts: CheckpointFacts = {
    step: options.step,
    consumedSamples: options.consumedSamples,
    model: options.model,
    tokenizerFingerprint: options.tokenizerFingerprint ?? null,
    heldOutLoss: Number.isFinite(options.heldOutLoss) ? options.heldOutLoss! : null,
    training: options.training ?? {},
    ...(options.weightsFingerprint !== undefined && { weightsFingerprint: options.weightsFingerprint }),
  };
  const planned = planFiles(groups, maxShardBytes);
  return { facts, ranks, planned, maxShardBytes, extraFiles: ranks.rank === 0 ? extraFiles : {} };
}

/**
 * Saves a checkpoint, and resolves when it is on disk. If saving fails, or a process crashes at any moment, all earlier checkpoints are
 * untouched.
 * @throws CheckpointError if the file system fails, on all ranks alike; `userError` is false for a full or failing disk
 */
export async function saveCheckpoint(options: SaveCheckpointOptions): Promise<void> {
  const { directory, write } = options;
  const { facts, ranks, planned, extraFiles } = planSave(options);
  const draft = openDraft(directory, { planned, ranks });
  try {
    const own = outcomeOf(() => writeOwn(draft, { planned, extraFiles, write }));
    const parts = agree(own, ranks);
    const committed = outcomeOf(() => (ranks.rank === 0 ? commitDraft(draft, { parts, facts, write }) : undefined));
    agree(committed, ranks);
  } catch (error) {
    if (ranks.rank === 0) discardWorkplace(draft.workplace);
    throw error;
  }
}

/** Writes the files of this rank. */
export function writeOwn(
  draft: Draft,
  { planned, extraFiles, write }: Pick<ReturnType<typeof planSave>, "planned" | "extraFiles"> & { write?: WriteBytes },
): CheckpointPart {
  const { workplace, numbers, target } = draft;
  checkShared(draft);
  try {
    return writePart(workplace, { planned, numbers, extraFiles, write });
  } catch (error) {
    throw saveError(error, target);
  }
}
