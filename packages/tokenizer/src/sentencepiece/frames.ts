/**
 * What transformers adds to a SentencePiece model, by the class of its tokenizer: special tokens around a text, ids that are
 * moved or appended, and normalizers. A .model file does not say any of this.
 */
import { TokenizerError } from "../errors.ts";
import type { AddedToken, TokenizerPart } from "../json/tokenizer-json.ts";
import type { Piece, SentencePieceModel } from "./parse-model.ts";

/** The fields of tokenizer_config.json that matter, with `tokenizer_class` taken from config.json where it is missing. */
export interface SentencePieceFrame {
  tokenizer_class?: unknown;
  add_bos_token?: unknown;
  add_eos_token?: unknown;
  bos_token?: unknown;
  eos_token?: unknown;
  extra_ids?: unknown;
  do_lower_case?: unknown;
  keep_accents?: unknown;
  added_tokens_decoder?: unknown;
}

/** A model with its frame. */
export interface FramedModel {
  model: SentencePieceModel;
  /** Normalizers that come before SentencePiece's own. */
  normalizers: TokenizerPart[];
  postProcessor: TokenizerPart | null;
  /** Tokens after the vocabulary. */
  added: AddedToken[];
}

type Settings = SentencePieceFrame & { name: string };

interface FrameKind {
  /** The special tokens around a text, which is `$A`. */
  template: (settings: Settings) => string[];
  pieces?: (pieces: readonly Piece[]) => Piece[];
  normalizers?: (settings: Settings) => TokenizerPart[];
  /** Names of special tokens after the vocabulary. */
  appended?: (settings: Settings) => string[];
}

const contentOf = (token: unknown, fallback: string): string => {
  const content = typeof token === "object" && token !== null ? (token as { content?: unknown }).content : token;
  return typeof content === "string" ? content : fallback;
};

const special = (type: "control" | "unknown", ...names: string[]): Piece[] =>
  names.map((piece) => ({ piece, score: 0, type }));

/** Without the unknown piece, which has another place. */
const others = (pieces: readonly Piece[]): Piece[] => pieces.filter(({ type }) => type !== "unknown");

const replace = (pattern: string, content: string): TokenizerPart => ({
  type: "Replace",
  pattern: { String: pattern },
  content,
});

const quotesAndAccents =
  (lowercase: boolean) =>
  ({ do_lower_case = lowercase, keep_accents = false }: Settings): TokenizerPart[] => [
    replace("``", '"'),
    replace("''", '"'),
    ...(keep_accents === true ? [] : [{ type: "NFKD" }, { type: "StripAccents" }]),
    ...(do_lower_case === true ? [{ type: "Lowercase" }] : []),
  ];

const ending: FrameKind["template"] = () => ["$A", "</s>"];
const surrounding: FrameKind["template"] = () => ["<s>", "$A", "</s>"];
const beginning =
  (bos: string, eos: string): FrameKind["template"] =>
  ({ add_bos_token = true, add_eos_token = false, bos_token, eos_token }) => [
    ...(add_bos_token === true ? [contentOf(bos_token, bos)] : []),
    "$A",
    ...(add_eos_token === true ? [contentOf(eos_token, eos)] : []),
  ];

function sentinels({ extra_ids = 100, name }: Settings): string[] {
  if (typeof extra_ids !== "number" || !Number.isInteger(extra_ids) || extra_ids < 0 || extra_ids > 10_000)
    throw new TokenizerError(`${name}: extra_ids must be an integer from 0 to 10000, got ${JSON.stringify(extra_ids)}`);
  return Array.from({ length: extra_ids }, (_, index) => `<extra_id_${extra_ids - 1 - index}>`);
}

const plain: FrameKind = { template: () => ["$A"] };

/** By transformers' tokenizer class, without "Fast". */
const KINDS: Readonly<Record<string, FrameKind>> = {
  T5Tokenizer: { template: ending, appended: sentinels },
  LlamaTokenizer: { template: beginning("<s>", "</s>") },
  GemmaTokenizer: { template: beginning("<bos>", "<eos>") },
  XLNetTokenizer: { template: () => ["$A", "<sep>", "<cls>:2"], normalizers: quotesAndAccents(false) },
  AlbertTokenizer: { template: () => ["[CLS]", "$A", "[SEP]"], normalizers: quotesAndAccents(true) },
  XLMRobertaTokenizer: {
    template: surrounding,
    pieces: (pieces) => [
      ...special("control", "<s>", "<pad>", "</s>"),
      ...special("unknown", "<unk>"),
      ...others(pieces.slice(3)),
      ...special("control", "<mask>"),
    ],
  },
  CamembertTokenizer: {
    template: surrounding,
    pieces: (pieces) => [
      ...special("control", "<s>NOTUSED", "<pad>", "</s>NOTUSED"),
      ...special("unknown", "<unk>"),
      ...special("control", "<unk>NOTUSED"),
      ...others(pieces.slice(1)),
      ...special("control", "<mask>"),
    ],
  },
  PreTrainedTokenizer: plain,
  TokenizersBackend: plain,
};

/** Tokenizer classes by `model_type` of config.json. */
const CLASS_OF: Readonly<Record<string, string>> = {
  t5: "T5Tokenizer",
  mt5: "T5Tokenizer",
  umt5: "T5Tokenizer",
  llama: "LlamaTokenizer",
  mistral: "LlamaTokenizer",
  gemma: "GemmaTokenizer",
  gemma2: "GemmaTokenizer",
  gemma3_text: "GemmaTokenizer",
  xlnet: "XLNetTokenizer",
  albert: "AlbertTokenizer",
  "xlm-roberta": "XLMRobertaTokenizer",
  camembert: "CamembertTokenizer",
};

/** The tokenizer class of a model type, as in transformers; undefined for one that is not known. */
export const tokenizerClassOf = (modelType: unknown): string | undefined =>
  typeof modelType === "string" && Object.hasOwn(CLASS_OF, modelType) ? CLASS_OF[modelType] : undefined;

const OLD_NAMES: Readonly<Record<string, string>> = { PreTrainedTokenizerFast: "TokenizersBackend" };

function kindOf({ tokenizer_class: given, name }: Settings): FrameKind {
  if (given === undefined || given === null) return plain;
  const own = String(given).replace(/(?<!PreTrainedTokenizer)Fast$/, "");
  const known = OLD_NAMES[own] ?? own;
  if (Object.hasOwn(KINDS, known)) return KINDS[known]!;
  throw new TokenizerError(
    `${name}: SentencePiece models of the tokenizer class ${String(given)} are not supported: save its tokenizer.json with transformers`,
  );
}

/** The template as a post-processor; `ids` are those of all tokens. */
function postProcessor(
  template: readonly string[],
  ids: ReadonlyMap<string, number>,
  name: string,
): TokenizerPart | null {
  if (template.length === 1) return null;
  const tokens: Record<string, unknown> = {};
  const single = template.map((item) => {
    if (item === "$A") return { Sequence: { id: "A", type_id: 0 } };
    const [token, type] = item.endsWith(":2") ? [item.slice(0, -2), 2] : [item, 0];
    const id = ids.get(token!);
    if (id === undefined) throw new TokenizerError(`${name}: the model has no piece ${JSON.stringify(token)}`);
    tokens[token!] = { id: token, ids: [id], tokens: [token] };
    return { SpecialToken: { id: token, type_id: type } };
  });
  // Pairs of texts are not encoded by this package; the field is required.
  const pair = [...single, { Sequence: { id: "B", type_id: 1 } }];
  return { type: "TemplateProcessing", single, pair, special_tokens: tokens };
}

/** Tokens of `added_tokens_decoder` that are not in the vocabulary. */
function addedTokens(
  { added_tokens_decoder: tokens, name }: Settings,
  known: ReadonlyMap<string, number>,
): AddedToken[] {
  if (typeof tokens !== "object" || tokens === null) return [];
  return Object.entries(tokens as Record<string, unknown>).flatMap(([key, token]): AddedToken[] => {
    const content = contentOf(token, "");
    const id = Number(key);
    if (content === "" || !Number.isSafeInteger(id))
      throw new TokenizerError(`${name}: added_tokens_decoder has an entry without an id and a content`);
    if (known.has(content)) return [];
    const flag = (field: string): boolean => (token as Record<string, unknown>)[field] === true;
    const flags = { single_word: flag("single_word"), lstrip: flag("lstrip"), rstrip: flag("rstrip") };
    return [{ id, content, ...flags, normalized: flag("normalized"), special: flag("special") }];
  });
}

/**
 * Puts a model into its frame. `name` is the file's name in errors.
 *
 * @throws {TokenizerError} if the tokenizer class is not supported, or the model lacks a special token.
 */
export function frameOf(model: SentencePieceModel, frame: SentencePieceFrame, name: string): FramedModel {
  const settings: Settings = { ...frame, name };
  const kind = kindOf(settings);
  const pieces = kind.pieces?.(model.pieces) ?? model.pieces;
  const ids = new Map(pieces.map(({ piece }, id) => [piece, id]));
  const appended = (kind.appended?.(settings) ?? [])
    .filter((content) => !ids.has(content))
    .map((content, index): AddedToken => {
      const flags = { single_word: false, lstrip: false, rstrip: false, normalized: false, special: true };
      return { id: pieces.length + index, content, ...flags };
    });
  for (const { content, id } of appended) ids.set(content, id);
  const more = addedTokens(settings, ids);
  return {
    model: { ...model, pieces },
    normalizers: kind.normalizers?.(settings) ?? [],
    postProcessor: postProcessor(kind.template(settings), ids, name),
    added: [...appended, ...more].sort((one, other) => one.id - other.id),
  };
}
