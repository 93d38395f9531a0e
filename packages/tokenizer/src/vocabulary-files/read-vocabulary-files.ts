/**
 * Reads the vocabulary files that came before tokenizer.json: vocab.json with merges.txt (GPT-2, RoBERTa, BART) and vocab.txt
 * (BERT), as transformers does.
 */
import { TokenizerError } from "../errors.ts";
import { isObject, shown } from "../json/part-fields.ts";
import type { AddedToken, TokenizerJson, TokenizerPart } from "../json/tokenizer-json.ts";
import {
  addedTokens,
  classOf,
  classTokens,
  contentOf,
  ROLES,
  type RoleTokens,
  type Settings,
  specialToken,
  type TokenizerConfig,
  unsupportedClass,
} from "./tokenizer-config.ts";

type Vocabulary = Map<string, number>;

/** The special tokens; those that the vocabulary lacks get the next ids. */
function specialTokens(
  settings: Settings,
  vocabulary: Vocabulary,
  defaults: RoleTokens,
): { added: AddedToken[]; names: RoleTokens } {
  const ids = new Map(vocabulary);
  const byContent = new Map<string, AddedToken>();
  const names: RoleTokens = {};
  for (const role of ROLES) {
    const given = settings[role];
    const content = given === null ? undefined : contentOf(given, defaults[role] ?? "") || undefined;
    if (content === undefined) continue;
    names[role] = content;
    const id = ids.get(content) ?? ids.size;
    ids.set(content, id);
    byContent.set(content, specialToken(given, content, id));
  }
  const more = addedTokens(settings, ids);
  return { added: [...byContent.values(), ...more].sort((one, other) => one.id - other.id), names };
}

const idOf = (added: readonly AddedToken[], content: string | undefined, { name }: Settings): [string, number] => {
  const token = added.find((each) => each.content === content);
  if (!token) throw new TokenizerError(`${name}: the tokenizer lacks a special token for its texts`);
  return [token.content, token.id];
};

const whole = (parts: Omit<TokenizerJson, "version">): TokenizerJson => ({
  version: "1.0",
  truncation: null,
  padding: null,
  ...parts,
});

/** The vocabulary of vocab.json and merges.txt. */
export interface BpeFiles {
  vocab: string;
  merges: string;
}

/**
 * Converts vocab.json and merges.txt to a tokenizer.json. `name` is the directory's name in errors.
 *
 * @throws {TokenizerError} if a file is invalid, or the class of the tokenizer is not supported.
 */
export function readBpeFiles({ vocab, merges }: BpeFiles, name: string, config: TokenizerConfig): TokenizerJson {
  const settings: Settings = { ...config, name };
  const kind = classOf(config) ?? "GPT2Tokenizer";
  if (kind !== "GPT2Tokenizer" && kind !== "RobertaTokenizer") return unsupportedClass(settings);
  let vocabulary: unknown;
  try {
    vocabulary = JSON.parse(vocab);
  } catch (error) {
    throw new TokenizerError(`${name}: vocab.json is not valid JSON: ${(error as Error).message}`);
  }
  if (!isObject(vocabulary))
    throw new TokenizerError(`${name}: vocab.json must have an object, got ${shown(vocabulary)}`);
  const lines = merges.replace(/\r?\n$/, "").split(/\r?\n/);
  const pairs = lines.flatMap((line, index): [string, string][] => {
    if (line.startsWith("#version") || (lines.length === 1 && line === "")) return [];
    const [left, right, ...rest] = line.split(" ");
    if (!left || !right || rest.length > 0)
      throw new TokenizerError(`${name}: line ${index + 1} of merges.txt must be a pair of tokens, got ${shown(line)}`);
    return [[left, right]];
  });
  const { added, names } = specialTokens(
    settings,
    new Map(Object.entries(vocabulary as Record<string, number>)),
    classTokens[kind]!,
  );
  const addPrefixSpace = config.add_prefix_space === true;
  const byteLevel: TokenizerPart = {
    type: "ByteLevel",
    add_prefix_space: addPrefixSpace,
    trim_offsets: true,
    use_regex: true,
  };
  const frame = (): TokenizerPart => ({
    type: "RobertaProcessing",
    sep: idOf(added, names.sep_token, settings),
    cls: idOf(added, names.cls_token, settings),
    trim_offsets: true,
    add_prefix_space: addPrefixSpace,
  });
  return whole({
    added_tokens: added,
    normalizer: null,
    pre_tokenizer: byteLevel,
    post_processor: kind === "RobertaTokenizer" ? frame() : null,
    decoder: { ...byteLevel, add_prefix_space: true },
    model: {
      type: "BPE",
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: "",
      end_of_word_suffix: "",
      fuse_unk: false,
      byte_fallback: false,
      ignore_merges: false,
      vocab: vocabulary,
      merges: pairs,
    },
  });
}

/**
 * Converts a vocab.txt to a tokenizer.json. `name` is the directory's name in errors.
 *
 * @throws {TokenizerError} if it lacks a special token, or the class of the tokenizer is not supported.
 */
export function readWordPieceFile(vocab: string, name: string, config: TokenizerConfig): TokenizerJson {
  const settings: Settings = { ...config, name };
  const kind = classOf(config) ?? "BertTokenizer";
  if (kind !== "BertTokenizer") return unsupportedClass(settings);
  const vocabulary: Vocabulary = new Map();
  const lines = vocab.replace(/\n$/, "").split("\n");
  // Of a token that occurs twice, the last id counts.
  lines.forEach((line, id) => {
    vocabulary.set(line.trimEnd(), id);
  });
  const { added, names } = specialTokens(settings, vocabulary, classTokens.BertTokenizer!);
  return whole({
    added_tokens: added,
    normalizer: {
      type: "BertNormalizer",
      clean_text: true,
      handle_chinese_chars: config.tokenize_chinese_chars !== false,
      strip_accents: typeof config.strip_accents === "boolean" ? config.strip_accents : null,
      lowercase: config.do_lower_case !== false,
    },
    pre_tokenizer: { type: "BertPreTokenizer" },
    post_processor: {
      type: "BertProcessing",
      sep: idOf(added, names.sep_token, settings),
      cls: idOf(added, names.cls_token, settings),
    },
    decoder: { type: "WordPiece", prefix: "##", cleanup: true },
    model: {
      type: "WordPiece",
      unk_token: names.unk_token ?? "[UNK]",
      continuing_subword_prefix: "##",
      max_input_chars_per_word: 100,
      vocab: Object.fromEntries(vocabulary),
    },
  });
}
