/**
 * Reads the special tokens that a tokenizer.json's post-processor adds around a text, such as <s> and </s>.
 */
import type { TokenizerPart } from "./tokenizer-json.ts";

/** The ids that are added before and after a single text. */
export interface PostProcessor {
  before: number[];
  after: number[];
}

interface TemplateItem {
  Sequence?: { id: string };
  SpecialToken?: { id: string };
}

const NOTHING: PostProcessor = { before: [], after: [] };

function readTemplate(part: TokenizerPart): PostProcessor | undefined {
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

/** The post-processor, or undefined if it is not supported. */
export function createPostProcessor(part: TokenizerPart | null | undefined): PostProcessor | undefined {
  if (!part || part.type === "ByteLevel") return NOTHING;
  if (part.type === "TemplateProcessing") return readTemplate(part);
  if (part.type === "RobertaProcessing" || part.type === "BertProcessing") {
    return { before: [(part.cls as [string, number])[1]], after: [(part.sep as [string, number])[1]] };
  }
  if (part.type !== "Sequence") return undefined;
  let result: PostProcessor | undefined = NOTHING;
  for (const inner of part.processors as TokenizerPart[]) {
    const added = createPostProcessor(inner);
    result = result &&
      added && { before: [...added.before, ...result.before], after: [...result.after, ...added.after] };
  }
  return result;
}
