/**
 * Two texts as one input, with the special tokens and token types that the tokenizer's post-processor puts around a pair; where
 * it has none, a line break lies between them.
 */
import { type BaseConfig, familyOf } from "@megatron-ts/model";
import type { Tokenizer } from "@megatron-ts/tokenizer";
import { TaskError } from "./errors.ts";
import { missingEnd } from "./text-encoder.ts";

/** A pair as a model reads it. */
export interface EncodedPair {
  ids: Int32Array;
  /** The segment of each token; undefined for models without segments. */
  types: Int32Array | undefined;
  /** Where the second text begins. */
  secondStart: number;
}

/** Encodes two lists of ids, which must fit. */
export interface PairEncoder {
  /** Tokens that are neither in the first text nor in the second. */
  readonly extra: number;
  join(first: ArrayLike<number>, second: ArrayLike<number>): EncodedPair;
}

type Item = { sequence: 0 | 1; type: number } | { ids: readonly number[]; type: number };

/** Whether a model tells segments apart. */
const hasSegments = (config: BaseConfig): boolean =>
  "numTokenTypes" in config ? Number(config.numTokenTypes) > 1 : familyOf(config).predicts[0] === "permutation";

/** Creates an encoder of pairs for a model. */
export function createPairEncoder(tokenizer: Tokenizer, config: BaseConfig): PairEncoder {
  const items = pairItems(tokenizer);
  const last = items.at(-1)!;
  const end = missingEnd(config, tokenizer, "ids" in last ? last.ids.at(-1) : undefined);
  if (end.length > 0) items.push({ ids: end, type: last.type });
  const withTypes = hasSegments(config);
  const extra = items.reduce((sum, item) => sum + ("ids" in item ? item.ids.length : 0), 0);
  return {
    extra,
    join(first, second) {
      const texts = [first, second];
      const ids: number[] = [];
      const types: number[] = [];
      let secondStart = 0;
      for (const item of items) {
        const own = "ids" in item ? item.ids : texts[item.sequence]!;
        if (!("ids" in item) && item.sequence === 1) secondStart = ids.length;
        for (const id of Array.from(own)) {
          ids.push(id);
          types.push(item.type);
        }
      }
      return { ids: Int32Array.from(ids), types: withTypes ? Int32Array.from(types) : undefined, secondStart };
    },
  };
}

/**
 * Cuts two texts to the tokens that are left for them, from the end of whichever is longer at the time.
 * @param options.room tokens for both
 */
export function truncatePair<Ids extends { length: number; subarray(start: number, end: number): Ids }>(
  [first, second]: readonly [Ids, Ids],
  { room }: { room: number },
): { pair: [Ids, Ids]; truncated: boolean } {
  if (first.length + second.length <= room) return { pair: [first, second], truncated: false };
  const half = Math.floor(room / 2);
  const a = first.length <= half ? first.length : Math.max(room - half, room - second.length);
  const b = room - a;
  return { pair: [first.subarray(0, a), second.subarray(0, b)], truncated: true };
}

/** What the parts of a post-processor that know pairs say; published files have one of three. */
interface PostProcessor {
  type: string;
  processors?: PostProcessor[];
  pair?: { SpecialToken?: { id: string; type_id: number }; Sequence?: { id: "A" | "B"; type_id: number } }[];
  special_tokens?: Record<string, { ids: number[] }>;
  cls?: [string, number];
  sep?: [string, number];
}

function pairItems(tokenizer: Tokenizer): Item[] {
  // The JSON of a tokenizer is checked when it is created.
  const found = processorOf(tokenizer.json.post_processor as unknown as PostProcessor | null | undefined);
  const [a, b]: [Item, Item] = [
    { sequence: 0, type: 0 },
    { sequence: 1, type: 1 },
  ];
  if (found?.type === "TemplateProcessing") {
    return found.pair!.map(({ SpecialToken: special, Sequence: sequence }): Item => {
      if (sequence) return { sequence: sequence.id === "B" ? 1 : 0, type: sequence.type_id };
      const { ids } = found.special_tokens?.[special!.id] ?? {};
      if (!ids)
        throw new TaskError(`the tokenizer's template has ${special!.id}, which is not among its special tokens`);
      return { ids, type: special!.type_id };
    });
  }
  if (found?.cls && found.sep) {
    const [cls, sep] = [found.cls[1], found.sep[1]];
    const hasTwoSeparators = found.type === "RobertaProcessing";
    const second: Item = hasTwoSeparators ? { sequence: 1, type: 0 } : b;
    return [
      { ids: [cls], type: 0 },
      a,
      { ids: hasTwoSeparators ? [sep, sep] : [sep], type: 0 },
      second,
      { ids: [sep], type: second.type },
    ];
  }
  const lineBreak = [...tokenizer.encode("\n", { addSpecialTokens: false })];
  return [a, { ids: lineBreak, type: 0 }, { sequence: 1, type: 0 }];
}

function processorOf(part: PostProcessor | null | undefined): PostProcessor | undefined {
  if (!part) return undefined;
  if (part.type === "Sequence") return part.processors?.map(processorOf).find((own) => own !== undefined);
  return part.pair || part.cls ? part : undefined;
}
