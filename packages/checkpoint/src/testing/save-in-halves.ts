/** Saves as two ranks do that hold half of each vector, one after the other in one process, which has no collectives. For tests. */
import { alone, type SavingRanks } from "../agreement.ts";
import { planFiles } from "../checkpoint-part.ts";
import { commitDraft, openDraft } from "../draft.ts";
import { planSave, type SaveCheckpointOptions, writeOwn } from "../save-checkpoint.ts";
import type { TensorEntry } from "../tensor-entry.ts";

/** The half of a vector that a rank writes. */
function half({ bytes, ...entry }: TensorEntry, rank: number): TensorEntry {
  const middle = entry.shape[0]! >> 1;
  const [from, to] = rank === 0 ? [0, middle] : [middle, entry.shape[0]!];
  const box = { origin: [from], of: entry.shape };
  return { ...entry, shape: [to - from], box, bytes: () => bytes().subarray(from, to) };
}

/** Saves vectors of bytes. */
export function saveInHalves(options: SaveCheckpointOptions): void {
  const { facts, extraFiles } = planSave(options);
  const planned = [0, 1].map((rank) => {
    const halves = (entries: Iterable<TensorEntry>) => [...entries].map((entry) => half(entry, rank));
    const { weights, optimizer = [] } = options.groups;
    return planFiles({ weights: halves(weights), optimizer: halves(optimizer) }, 2 ** 32);
  });
  // The other rank has as many files as this one.
  const ranks: SavingRanks = { ...alone, size: 2, gatherText: (text) => [text, text] };
  const draft = openDraft(options.directory, { planned: planned[0]!, ranks });
  const drafts = [draft, { ...draft, numbers: { weights: { first: 1, count: 2 }, optimizer: { first: 1, count: 2 } } }];
  const parts = drafts.map((own, rank) =>
    writeOwn(own, { planned: planned[rank]!, extraFiles: rank === 0 ? extraFiles : {} }),
  );
  commitDraft(draft, { parts, facts });
}
