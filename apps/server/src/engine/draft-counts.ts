/** Counts what became of a draft's proposals until somebody asks. */
import type { DraftOutcome } from "@megatron-ts/generate";

/** What became of proposals since they were counted last. */
export interface DraftCounts {
  /** How often tokens were proposed. */
  drafts: number;
  proposed: number;
  /** How many proposals were accepted, by their place among those of one time. */
  acceptedAt: number[];
}

/** Nothing counted yet. */
export function createDraftCounts() {
  let counts: DraftCounts | null = null;
  return {
    add({ proposed, accepted }: DraftOutcome): void {
      counts ??= { drafts: 0, proposed: 0, acceptedAt: [] };
      counts.drafts++;
      counts.proposed += proposed;
      for (let i = 0; i < accepted; i++) counts.acceptedAt[i] = (counts.acceptedAt[i] ?? 0) + 1;
    },
    /** What has been counted, and starts from zero; null if nothing was. */
    take(): DraftCounts | null {
      const taken = counts;
      counts = null;
      return taken;
    },
  };
}
