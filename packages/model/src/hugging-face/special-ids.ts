/**
 * The ids of special tokens in config.json and generation_config.json: where generated text begins and ends in transformers 5,
 * and what in them asks `generate` for more. Ids that are no ids are refused; those that nobody reads are checked too.
 */
import { ModelError } from "../errors.ts";
import { show } from "./config-json.ts";

/** The fields that say where a text begins and ends. */
export const specialIdFields: readonly string[] = [
  "bos_token_id",
  "eos_token_id",
  "pad_token_id",
  "decoder_start_token_id",
];

const forcedFields = ["forced_bos_token_id", "forced_eos_token_id"];

/** Ids that only texts' writers and readers know. */
const otherFields = ["sep_token_id", "cls_token_id", "mask_token_id", "unk_token_id"];

/** Fields that change what transformers generates greedily, and the value that changes nothing, besides null. */
const processors: Readonly<Record<string, unknown>> = {
  forced_bos_token_id: null,
  forced_eos_token_id: null,
  num_beams: 1,
  min_length: 0,
  min_new_tokens: 0,
  repetition_penalty: 1,
  encoder_repetition_penalty: 1,
  no_repeat_ngram_size: 0,
  encoder_no_repeat_ngram_size: 0,
  exponential_decay_length_penalty: null,
  bad_words_ids: null,
  sequence_bias: null,
  suppress_tokens: null,
  begin_suppress_tokens: null,
  guidance_scale: 1,
};

type Fields = Readonly<Record<string, unknown>>;

/** Where generated text begins and ends. */
export interface GenerationIds {
  /** Tokens that end a text; none if nothing does. */
  stopTokens: number[];
  /** The decoder's first input in encoder-decoders; undefined if the file names none. */
  startToken?: number;
}

const isPresent = (value: unknown) => value !== undefined && value !== null;

/**
 * Checks the ids of a config.json or generation_config.json; `source` is its path, for errors. Throws a ModelError for a value
 * that is no id, for a negative one (but -1 where it means none), and for a first or forced token beyond the vocabulary.
 */
export function checkSpecialIds(
  json: Fields,
  { source, vocabularySize = Number.POSITIVE_INFINITY }: { source: string; vocabularySize?: number },
): void {
  const fail = (field: string, expected: string): never => {
    throw new ModelError(`${source}: ${field}: expected ${expected}, got ${show(json[field])}`);
  };
  const isId = (value: unknown, lowest = 0) => Number.isSafeInteger(value) && (value as number) >= lowest;
  for (const field of [...specialIdFields, ...forcedFields, ...otherFields]) {
    const value = json[field];
    if (!isPresent(value)) continue;
    const isGenerated = field === "decoder_start_token_id" || forcedFields.includes(field);
    if (/eos_token_id$/.test(field)) {
      const ids = [value].flat();
      if (ids.length === 0 || !ids.every((id) => isId(id))) fail(field, "a token id or a list of them");
    } else if (!isId(value, isGenerated ? 0 : -1)) fail(field, "a token id");
    if (isGenerated && [value].flat().some((id) => (id as number) >= vocabularySize)) {
      fail(field, `a token id below ${vocabularySize}`);
    }
  }
}

/**
 * Where text of the model with this generation_config.json begins and ends. `source` is its path, for errors. As in
 * transformers, without an `eos_token_id` nothing ends a text. Throws a ModelError for invalid ids.
 */
export function readGenerationIds(json: Fields, options: { source: string; vocabularySize?: number }): GenerationIds {
  checkSpecialIds(json, options);
  const start = json.decoder_start_token_id ?? json.bos_token_id;
  return {
    stopTokens: [json.eos_token_id ?? []].flat() as number[],
    ...(typeof start === "number" && start >= 0 && { startToken: start }),
  };
}

/**
 * The generation_config.json that transformers makes for a model without one: fields of its config.json. The defaults of its
 * class do not count, so that nothing ends a text where config.json has no `eos_token_id`. Undefined if there are no fields.
 */
export function generationConfigOf(config: Fields): Fields | undefined {
  const names = [...specialIdFields, ...Object.keys(processors)];
  const fields = names.filter((name) => Object.hasOwn(config, name)).map((name) => [name, config[name]]);
  return fields.length > 0 ? Object.fromEntries(fields) : undefined;
}

/** What a generation_config.json asks for that our decoding does only where its options say so, such as "num_beams 4". */
export function otherGenerationFields(json: Fields): string[] {
  return Object.entries(processors)
    .filter(([field, neutral]) => isPresent(json[field]) && json[field] !== neutral && show(json[field]) !== "[]")
    .map(([field]) => `${field} ${show(json[field])}`);
}
