/**
 * Pairs of texts as token ids: what a model reads, and what it is to write. An encoder-decoder reads the source with its
 * encoder; a causal model reads it as a prompt, after which it writes the target.
 */
import { prefixTokens } from "@megatron-ts/generate";
import { familyOf, longestSequence, type ModelConfig } from "@megatron-ts/model";
import { specialTokenId, type Tokenizer } from "@megatron-ts/tokenizer";
import { FamilyError, TaskError } from "../errors.ts";

/** How a model writes. */
export type TextPrediction = "sequence-to-sequence" | "causal";

/** A source and its target as ids. */
export interface TextPair {
  /** With the end-of-text token in encoder-decoders. */
  source: Int32Array;
  /** With the end-of-text token; empty where no target is known. */
  target: Int32Array;
  /** The texts that a target is compared with; none where no target is known. */
  references: string[];
  /** Whether the end of either was cut off. */
  truncated: boolean;
}

/** Ids that a model's texts need. */
export interface TextTokens {
  /** Ends a text. */
  end: number;
  /** The decoder's first input in encoder-decoders. */
  start: number;
}

/** How the model of a configuration writes text. Throws a TaskError for a family that only fills masks. */
export function textPredictionOf(config: { family: string }): TextPrediction {
  const { predicts } = familyOf(config);
  const found = (["sequence-to-sequence", "causal"] as const).find((one) => predicts.includes(one));
  if (found) return found;
  throw new FamilyError(
    `a model of the family ${config.family} does not write text from left to right: set model.family to encoder-decoder, which starts from ` +
      "an encoder's weights, or use a causal model",
  );
}

/** Whether a model classifies a text by the state of its decoder behind the text's end. */
export const classifiesWithDecoder = (config: { family: string }): boolean =>
  familyOf(config).predicts.includes("sequence-to-sequence");

/** Throws a TaskError for a tokenizer without the tokens that a model needs. */
export function textTokensOf(tokenizer: Tokenizer, prediction: TextPrediction): TextTokens {
  const end = tokenizer.endOfText ?? specialTokenId(tokenizer, "separator");
  const padding = specialTokenId(tokenizer, "padding");
  if (end === undefined) throw new TaskError("the tokenizer has no token that ends a text, such as </s>");
  if (padding !== undefined) return { end, start: padding };
  if (prediction === "causal") return { end, start: end };
  throw new TaskError("the tokenizer has no padding token, such as <pad>, with which a decoder starts");
}

/**
 * Creates a function that encodes a source and a target. Texts that spell out special tokens do not become those.
 * @param options.maxTokens per text, special tokens included
 */
export function createPairEncoder(
  config: ModelConfig,
  { tokenizer, maxTokens, prompt }: { tokenizer: Tokenizer; maxTokens: number; prompt?: string },
): (texts: { source: string; target: string | null }) => Omit<TextPair, "references"> {
  const prediction = textPredictionOf(config);
  const { end } = textTokensOf(tokenizer, prediction);
  const causal = prediction === "causal";
  const template = prompt ?? (causal ? "{source}\n" : "{source}");
  const longest = longestSequence(config);
  const targetRoom = causal ? Math.min(maxTokens, Math.floor(longest / 2)) : maxTokens;
  const sourceRoom = causal ? Math.min(maxTokens, longest - targetRoom) : maxTokens;
  const encode = (text: string) => tokenizer.encode(text, { addSpecialTokens: false, splitSpecialTokens: true });
  const [before, after] = causal ? [prefixTokens(tokenizer), []] : [[], [end]];
  const room = sourceRoom - before.length - after.length;
  if (room < 1 || targetRoom < 2) throw new TaskError(`data.maxTokens: expected more than ${maxTokens}`);
  const [head, tail] = splitTemplate(template).map(encode) as [Int32Array, Int32Array];

  return ({ source, target }) => {
    const inner = encode(template.replace("{source}", () => source));
    const kept = inner.length <= room ? inner : cut(encode(source), { head, tail, room });
    const written = target === null ? null : encode(target);
    return {
      source: Int32Array.from([...before, ...kept, ...after]),
      target: written ? Int32Array.from([...written.subarray(0, targetRoom - 1), end]) : new Int32Array(),
      truncated: inner.length > room || (written?.length ?? 0) > targetRoom - 1,
    };
  };
}

const splitTemplate = (template: string): [string, string] => {
  const at = template.indexOf("{source}");
  return [template.slice(0, at), template.slice(at + "{source}".length)];
};

/** A source that is too long loses its end, not what the prompt says after it. */
function cut(
  source: Int32Array,
  { head, tail, room }: { head: Int32Array; tail: Int32Array; room: number },
): Int32Array {
  const left = room - head.length - tail.length;
  if (left < 1) throw new TaskError("task.prompt: expected fewer tokens than data.maxTokens leaves room for");
  return Int32Array.from([...head, ...source.subarray(0, left), ...tail]);
}
