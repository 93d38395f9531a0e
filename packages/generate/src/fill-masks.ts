/**
 * The tokens that a text hides, from both sides: by an encoder of BERT's kind, or by XLNet's query stream under a
 * permutation in which the hidden tokens see all others and none sees them.
 */
import { type EncoderModel, longestSequence, type PermutationModel } from "@megatron-ts/model";
import { specialTokenId, specialTokenNames, type Tokenizer } from "@megatron-ts/tokenizer";
import * as tf from "@tensorflow/tfjs";
import { GenerateError } from "./errors.ts";
import { frameText, permutes } from "./prompts/add-special-tokens.ts";
import { lengthsOf, paddedRows, readRows } from "./ragged-rows.ts";
import { checkSampling } from "./sampling/sample.ts";

export interface MaskAlternative {
  id: number;
  token: string;
  probability: number;
}

export interface FilledText {
  /** The text with the likeliest token in place of each mask, as the tokenizer spells it. */
  text: string;
  /** Of each mask, the likeliest tokens, the first one first. */
  masks: MaskAlternative[][];
}

export interface FillOptions {
  /** Alternatives for each mask. 5 unless told. */
  topK?: number;
}

/**
 * Fills the mask tokens of each text ("[MASK]", "<mask>"), each by itself. Throws a GenerateError for a text without one
 * or longer than the model takes, a ModelError for a model without a head that predicts tokens.
 */
export function fillMasks(
  { model, tokenizer }: { model: EncoderModel | PermutationModel; tokenizer: Tokenizer },
  texts: readonly string[],
  { topK = 5 }: FillOptions = {},
): FilledText[] {
  checkSampling({ topK });
  if (texts.length === 0) return [];
  const mask = maskToken(tokenizer);
  const longest = longestSequence(model.config);
  const rows = texts.map((text) => {
    const framed = frameText({ model, tokenizer }, text);
    const places = [...framed.text.keys()].filter((place) => framed.text[place] === mask);
    if (places.length === 0) {
      const name = tokenizer.idToToken(mask);
      throw new GenerateError(`the text has no mask: write ${name} where a token is missing, as in "Call me ${name}."`);
    }
    const { length } = framed.tokens;
    if (length > longest) {
      throw new GenerateError(
        `the text has ${length} tokens with its markers, but the model takes ${longest}: shorten it`,
      );
    }
    return { ...framed, places };
  });
  const logits = logitsAt(
    model,
    rows.map(({ start, places, ...row }) => ({ ...row, places: places.map((place) => start + place) })),
    specialTokenId(tokenizer, "padding") ?? 0,
  );
  return rows.map(({ text, places }, row) => {
    const masks = logits[row]!.map((values) => likeliestTokens(values, { tokenizer, topK }));
    const filled = text.slice();
    places.forEach((place, i) => {
      filled[place] = masks[i]![0]!.id;
    });
    return { text: tokenizer.decode(filled), masks };
  });
}

/** The id of the mask token. Throws a GenerateError where the tokenizer has none. */
function maskToken(tokenizer: Tokenizer): number {
  const id = specialTokenId(tokenizer, "mask");
  if (id === undefined) {
    throw new GenerateError(
      `the tokenizer has no mask token (${specialTokenNames.mask.join(" or ")}): nothing can be filled`,
    );
  }
  return id;
}

interface HiddenPlaces {
  tokens: Int32Array;
  segments: Int32Array;
  places: number[];
}

/** Of each row and each of its places, the logits [V] of what stands there. */
function logitsAt(
  model: EncoderModel | PermutationModel,
  rows: readonly HiddenPlaces[],
  padding: number,
): Float32Array[][] {
  const all = rows.map(({ tokens }) => tokens);
  const lengths = lengthsOf(all);
  const most = Math.max(...rows.map(({ places }) => places.length));
  // Rows with fewer masks than others predict their last one again.
  const targets = rows.map(({ places }) => Array.from({ length: most }, (_, i) => places[i] ?? places.at(-1)!));
  const values = readRows(() => {
    const tokens = paddedRows(all, { padding });
    const [batchSize, width] = tokens.shape;
    const states = permutes(model)
      ? model.hidden({
          tokens,
          lengths,
          targets: tf.tensor2d(targets, [batchSize, most], "int32"),
          tokenTypes: paddedRows(rows.map(({ segments }) => segments)),
          blocked: tf.tensor3d(blockedBy(rows, width), [batchSize, width, width], "int32"),
        }).query!
      : rowsAt(model.hidden({ tokens, lengths }), targets);
    return tf.reshape(model.logits(states), [batchSize * most, -1]);
  });
  return rows.map(({ places }, row) => places.map((_, i) => values[row * most + i]!));
}

/** [B * T * T]: 1 at every hidden place of a row, for all tokens. */
function blockedBy(rows: readonly HiddenPlaces[], width: number): Uint8Array {
  const blocked = new Uint8Array(rows.length * width * width);
  rows.forEach(({ places }, row) => {
    for (const place of places) {
      for (let i = 0; i < width; i++) blocked[(row * width + i) * width + place] = 1;
    }
  });
  return blocked;
}

/** States [B, T, h] at the targets of each row: [B, M, h]. */
function rowsAt(states: tf.Tensor, targets: readonly number[][]): tf.Tensor {
  const [batchSize, tokens, size] = states.shape as [number, number, number];
  const places = targets.flatMap((row, index) => row.map((place) => index * tokens + place));
  const flat = tf.reshape(states, [batchSize * tokens, size]);
  return tf.reshape(tf.gather(flat, tf.tensor1d(places, "int32")), [batchSize, -1, size]);
}

/** The tokens of the largest logits [V], of those that the tokenizer has. Probabilities are over all. */
function likeliestTokens(
  logits: Float32Array,
  { tokenizer, topK }: { tokenizer: Tokenizer; topK: number },
): MaskAlternative[] {
  let highest = Number.NEGATIVE_INFINITY;
  for (const logit of logits) highest = Math.max(highest, logit);
  let total = 0;
  for (const logit of logits) total += Math.exp(logit - highest);
  const known = [...logits.keys()].filter((id) => tokenizer.idToToken(id) !== undefined);
  known.sort((a, b) => logits[b]! - logits[a]! || a - b);
  return known.slice(0, topK).map((id) => ({
    id,
    token: tokenizer.idToToken(id)!,
    probability: Math.exp(logits[id]! - highest) / total,
  }));
}
