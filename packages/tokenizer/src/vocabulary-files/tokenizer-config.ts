/**
 * The tokenizer_config.json of transformers, as far as it says how older vocabulary files are to be used.
 */
import { TokenizerError } from "../errors.ts";
import { isObject, shown } from "../json/part-fields.ts";
import type { AddedToken } from "../json/tokenizer-json.ts";

/** The contents of tokenizer_config.json, with `tokenizer_class` taken from config.json where it is missing. */
export interface TokenizerConfig {
  tokenizer_class?: unknown;
  add_bos_token?: unknown;
  add_eos_token?: unknown;
  add_prefix_space?: unknown;
  bos_token?: unknown;
  eos_token?: unknown;
  unk_token?: unknown;
  sep_token?: unknown;
  pad_token?: unknown;
  cls_token?: unknown;
  mask_token?: unknown;
  extra_ids?: unknown;
  do_lower_case?: unknown;
  keep_accents?: unknown;
  legacy?: unknown;
  strip_accents?: unknown;
  tokenize_chinese_chars?: unknown;
  added_tokens_decoder?: unknown;
  split_special_tokens?: unknown;
}

/** The roles of special tokens, in the order in which transformers appends those that the vocabulary lacks. */
export const ROLES = [
  "bos_token",
  "eos_token",
  "unk_token",
  "sep_token",
  "pad_token",
  "cls_token",
  "mask_token",
] as const;

/** Special tokens by their roles. */
export type RoleTokens = Partial<Record<(typeof ROLES)[number], string>>;

const endOfText = "<|endoftext|>";
/** The special tokens of transformers' classes, unless a tokenizer_config.json names others. */
export const classTokens: Readonly<Record<string, RoleTokens>> = {
  GPT2Tokenizer: { bos_token: endOfText, eos_token: endOfText, unk_token: endOfText },
  RobertaTokenizer: {
    bos_token: "<s>",
    eos_token: "</s>",
    unk_token: "<unk>",
    sep_token: "</s>",
    pad_token: "<pad>",
    cls_token: "<s>",
    mask_token: "<mask>",
  },
  BertTokenizer: {
    unk_token: "[UNK]",
    sep_token: "[SEP]",
    pad_token: "[PAD]",
    cls_token: "[CLS]",
    mask_token: "[MASK]",
  },
};

/** A tokenizer_config.json, and the name of the vocabulary file in errors. */
export type Settings = TokenizerConfig & { name: string };

/** The content of a token that is given as a string or as an object. */
export const contentOf = (token: unknown, fallback: string): string => {
  const content = typeof token === "object" && token !== null ? (token as { content?: unknown }).content : token;
  return typeof content === "string" ? content : fallback;
};

/** A special token that is given as a string or as an object with flags. */
export function specialToken(token: unknown, content: string, id: number): AddedToken {
  const flag = (field: string): boolean => isObject(token) && token[field] === true;
  const flags = { single_word: flag("single_word"), lstrip: flag("lstrip"), rstrip: flag("rstrip") };
  return { id, content, ...flags, normalized: flag("normalized"), special: true };
}

/** The tokens of `added_tokens_decoder` in order of their ids. */
export function decoderTokens({ added_tokens_decoder: tokens, name }: Settings): AddedToken[] {
  if (typeof tokens !== "object" || tokens === null) return [];
  const found = Object.entries(tokens as Record<string, unknown>).map(([key, token]): AddedToken => {
    const content = contentOf(token, "");
    const id = Number(key);
    if (content === "" || !Number.isSafeInteger(id))
      throw new TokenizerError(`${name}: added_tokens_decoder has an entry without an id and a content`);
    return { ...specialToken(token, content, id), special: isObject(token) && token.special === true };
  });
  return found.sort((one, other) => one.id - other.id);
}

/** Those that are not in the vocabulary. As in transformers, they get the next ids in the order of those that they have. */
export function addedTokens(settings: Settings, known: ReadonlyMap<string, number>): AddedToken[] {
  const missing = decoderTokens(settings).filter(({ content }) => !known.has(content));
  let next = known.size;
  return missing.map((token) => ({ ...token, id: next++ }));
}

const CLASSES: readonly (readonly [tokenizer: string, models: string])[] = [
  ["T5Tokenizer", "t5 mt5 umt5"],
  ["LlamaTokenizer", "llama mistral"],
  ["GemmaTokenizer", "gemma gemma2 gemma3_text"],
  ["XLNetTokenizer", "xlnet"],
  ["AlbertTokenizer", "albert"],
  ["XLMRobertaTokenizer", "xlm-roberta"],
  ["CamembertTokenizer", "camembert"],
  ["GPT2Tokenizer", "gpt2"],
  ["RobertaTokenizer", "roberta bart"],
  ["BertTokenizer", "bert distilbert electra"],
];

/** The text of a file of a directory, or undefined if there is none. */
export type ReadText = (file: string) => Promise<string | undefined>;

async function readObject(read: ReadText, file: string): Promise<Record<string, unknown>> {
  const text = await read(file);
  if (text === undefined) return {};
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new TokenizerError(`${file} is not valid JSON: ${(error as Error).message}`);
  }
  if (!isObject(value)) throw new TokenizerError(`${file} is not a JSON object, got ${shown(value)}`);
  return value;
}

/**
 * Reads a directory's tokenizer_config.json. The class of its tokenizer may come from the model's config.json, as in
 * transformers.
 *
 * @throws {TokenizerError} if a file is not valid JSON.
 */
export async function readTokenizerConfig(read: ReadText): Promise<TokenizerConfig> {
  const config = await readObject(read, "tokenizer_config.json");
  if (typeof config.tokenizer_class === "string") return config;
  const { tokenizer_class, model_type } = await readObject(read, "config.json");
  if (typeof tokenizer_class === "string") return { ...config, tokenizer_class };
  if (typeof model_type !== "string") return config;
  const known = CLASSES.find(([, models]) => models.split(" ").includes(model_type));
  return { ...config, tokenizer_class: known?.[0] ?? model_type };
}

/** Names that transformers' classes had before. */
const OLD_NAMES: Readonly<Record<string, string>> = {
  PreTrainedTokenizer: "TokenizersBackend",
  PreTrainedTokenizerFast: "TokenizersBackend",
  BartTokenizer: "RobertaTokenizer",
  DistilBertTokenizer: "BertTokenizer",
  ElectraTokenizer: "BertTokenizer",
};

/** The class of a tokenizer; undefined if there is none. */
export function classOf({ tokenizer_class: given }: TokenizerConfig): string | undefined {
  if (given === undefined || given === null) return undefined;
  const name = String(given);
  const own = Object.hasOwn(OLD_NAMES, name) ? name : name.replace(/Fast$/, "");
  return Object.hasOwn(OLD_NAMES, own) ? OLD_NAMES[own] : own;
}

/** Throws the error for a class that is not supported. */
export function unsupportedClass({ tokenizer_class, name }: Settings): never {
  throw new TokenizerError(
    `${name}: the tokenizer class ${String(tokenizer_class)} is not supported without a tokenizer.json: save one with transformers`,
  );
}
