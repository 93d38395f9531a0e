// The frame that a tokenizer puts around a text, such as <s> and </s>, read from the post-processor of tokenizer.json.

import type { TokenizerPart } from "./tokenizer-json.ts";

export interface Frame {
  before: number[];
  after: number[];
}

interface TemplateItem {
  Sequence?: { id: string };
  SpecialToken?: { id: string };
}

const EMPTY: Frame = { before: [], after: [] };

function templateFrame(part: TokenizerPart): Frame | undefined {
  const items = part.single as TemplateItem[];
  const special = (part.special_tokens ?? {}) as Record<string, { ids: number[] }>;
  const at = items.findIndex((item) => item.Sequence);
  const idsOf = (some: TemplateItem[]): number[] | undefined => {
    const ids = some.map((item) => (item.SpecialToken ? special[item.SpecialToken.id]?.ids : undefined));
    return ids.includes(undefined) ? undefined : (ids as number[][]).flat();
  };
  const before = idsOf(items.slice(0, at));
  const after = idsOf(items.slice(at + 1));
  return at >= 0 && before && after ? { before, after } : undefined;
}

/** The frame of a single text, or undefined when the post-processor is of a kind that only the reference reads. */
export function frameOf(part: TokenizerPart | null | undefined): Frame | undefined {
  if (!part || part.type === "ByteLevel") return EMPTY;
  if (part.type === "TemplateProcessing") return templateFrame(part);
  if (part.type === "RobertaProcessing" || part.type === "BertProcessing") {
    return { before: [(part.cls as [string, number])[1]], after: [(part.sep as [string, number])[1]] };
  }
  if (part.type !== "Sequence") return undefined;
  let frame: Frame | undefined = EMPTY;
  for (const inner of part.processors as TokenizerPart[]) {
    const added = frameOf(inner);
    frame = frame && added && { before: [...added.before, ...frame.before], after: [...frame.after, ...added.after] };
  }
  return frame;
}
