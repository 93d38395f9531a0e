/**
 * What transformers adds to a SentencePiece model, by the class of its tokenizer: special tokens around a text, ids that are
 * moved or appended, and normalizers. A .model file does not say any of this.
 */
import { TokenizerError } from "../errors.ts";
import type { AddedToken, TokenizerPart } from "../json/tokenizer-json.ts";
import {
  addedTokens,
  classOf,
  contentOf,
  type Settings,
  type TokenizerConfig,
  unsupportedClass,
} from "../vocabulary-files/tokenizer-config.ts";
import type { Piece, SentencePieceModel } from "./parse-model.ts";

/** A model with its frame. */
export interface FramedModel {
  model: SentencePieceModel;
  /** Normalizers that come before SentencePiece's own. */
  normalizers: TokenizerPart[];
  postProcessor: TokenizerPart | null;
  /** Tokens after the vocabulary. */
  added: AddedToken[];
  /** Whether text after a special token gets a blank in front too. */
  addsBlankAfterTokens: boolean;
}

interface FrameKind {
  /** The special tokens around a text, which is `$A`. */
  template: (settings: Settings) => string[];
  pieces?: (pieces: readonly Piece[]) => Piece[];
  normalizers?: (settings: Settings) => TokenizerPart[];
  /** Names of special tokens after the vocabulary. */
  appended?: (settings: Settings) => string[];
}

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
  GPT2Tokenizer: plain,
  TokenizersBackend: plain,
};

function kindOf(settings: Settings): FrameKind {
  const known = classOf(settings);
  if (known === undefined) return plain;
  return Object.hasOwn(KINDS, known) ? KINDS[known]! : unsupportedClass(settings);
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

/**
 * Puts a model into its frame. `name` is the file's name in errors.
 *
 * @throws {TokenizerError} if the tokenizer class is not supported, or the model lacks a special token.
 */
export function frameOf(model: SentencePieceModel, frame: TokenizerConfig, name: string): FramedModel {
  const settings: Settings = { ...frame, name };
  const kind = kindOf(settings);
  const pieces = kind.pieces?.(model.pieces) ?? model.pieces;
  const ids = new Map(pieces.map(({ piece }, id) => [piece, id]));
  if (ids.size < pieces.length)
    throw new TokenizerError(`${name}: the model has a piece that its tokenizer class adds`);
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
    addsBlankAfterTokens: model.removesBlanks || model.characterMap !== "" || frame.legacy === true,
    postProcessor: postProcessor(kind.template(settings), ids, name),
    added: [...appended, ...more].sort((one, other) => one.id - other.id),
  };
}
