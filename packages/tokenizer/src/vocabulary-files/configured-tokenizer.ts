/**
 * A tokenizer.json as transformers uses it beside a tokenizer_config.json: with the tokens that only the latter names, and with
 * the settings of BERT's and GPT-2's classes, which build their normalizer or pre-tokenizer from it. Other classes' pipelines
 * are the file's own.
 */
import { TokenizerError } from "../errors.ts";
import { isObject, shown } from "../json/part-fields.ts";
import { type AddedToken, type TokenizerJson, type TokenizerPart, vocabularyOf } from "../json/tokenizer-json.ts";
import {
  classOf,
  classTokens,
  contentOf,
  decoderTokens,
  ROLES,
  type Settings,
  specialToken,
  type TokenizerConfig,
} from "./tokenizer-config.ts";

/** The tokens that a tokenizer_config.json names, in the order in which transformers adds those that are missing. */
function namedTokens(config: TokenizerConfig): unknown[] {
  const fields = config as Readonly<Record<string, unknown>>;
  const others = Object.keys(fields).filter(
    (field) => field.endsWith("_token") && !ROLES.some((role) => role === field),
  );
  const { extra_special_tokens: extra, additional_special_tokens: additional } = fields;
  const lists = [extra, additional].flatMap((list) => (isObject(list) ? Object.values(list) : (list ?? [])));
  return [...ROLES.map((role) => fields[role]), ...others.map((field) => fields[field]), ...lists];
}

/** Whether a token has the flags of another. */
const isSame = (one: AddedToken, other: AddedToken): boolean =>
  (["single_word", "lstrip", "rstrip", "normalized", "special"] as const).every(
    (flag) => (one[flag] ?? false) === other[flag],
  );

function withTokens(json: TokenizerJson, config: TokenizerConfig, name: string): TokenizerJson {
  const own = json.added_tokens ?? [];
  const byContent = new Map(own.map((token) => [token.content, token]));
  const named = namedTokens(config).flatMap((token) => contentOf(token, "") || []);
  const unknown = named.filter((content) => !byContent.has(content));
  const decoder = decoderTokens({ ...config, name });
  const changed = decoder.filter((token) => {
    const known = byContent.get(token.content);
    return !known || !isSame(known, token);
  });
  if (changed.length + unknown.length === 0) return json;
  const vocabulary = new Map(vocabularyOf(json.model));
  let next = vocabulary.size + own.filter(({ content }) => !vocabulary.has(content)).length;
  const isNamed = new Set(named);
  const add = (token: AddedToken) => {
    const known = byContent.get(token.content)?.id ?? vocabulary.get(token.content);
    byContent.set(token.content, {
      ...token,
      id: known ?? next++,
      special: token.special || isNamed.has(token.content),
    });
  };
  for (const token of changed) add(token);
  for (const token of namedTokens(config)) {
    const content = contentOf(token, "");
    if (content !== "" && !byContent.has(content)) add(specialToken(token, content, 0));
  }
  return { ...json, added_tokens: [...byContent.values()].sort((one, other) => one.id - other.id) };
}

/** The tokens of a class whose roles a tokenizer_config.json does not mention. */
const unnamed = (kind: string, settings: Settings): unknown[] =>
  ROLES.filter((role) => settings[role] === undefined).map((role) => classTokens[kind]![role]);

/** Classes build their tokens from `added_tokens_decoder`, if there is one, and leave those of the file aside. */
function checkTokens({ added_tokens: own = [] }: TokenizerJson, kind: string, settings: Settings): void {
  const listed = new Set(decoderTokens(settings).map(({ content }) => content));
  const byRole = new Set([...namedTokens(settings), ...unnamed(kind, settings)].map((token) => contentOf(token, "")));
  const lost = own.find(
    (token) => !listed.has(token.content) && !(byRole.has(token.content) && isSame(token, specialToken(null, "", 0))),
  );
  if (listed.size === 0 || lost === undefined) return;
  throw new TokenizerError(
    `${settings.name}: added_tokens_decoder lacks ${shown(lost.content)} of tokenizer.json, so that transformers does not know it`,
  );
}

const flag = (value: unknown, fallback: boolean): boolean => (typeof value === "boolean" ? value : fallback);

/** A part with some fields; the same where it has them already, or by the default of `tokenizers`. */
function withFields(part: TokenizerPart, fields: Record<string, unknown>, defaults: Record<string, unknown>) {
  const others = Object.entries(fields).filter(([field, value]) => (part[field] ?? defaults[field]) !== value);
  return others.length === 0 ? part : { ...part, ...Object.fromEntries(others) };
}

const caseDefaults = { clean_text: true, lowercase: true, handle_chinese_chars: true, strip_accents: null };

const caseFields = ({ do_lower_case, tokenize_chinese_chars, strip_accents }: TokenizerConfig) => ({
  clean_text: true,
  lowercase: flag(do_lower_case, true),
  handle_chinese_chars: flag(tokenize_chinese_chars, true),
  strip_accents: typeof strip_accents === "boolean" ? strip_accents : null,
});

/**
 * Changes a tokenizer.json as a tokenizer_config.json of the same directory does in transformers. `name` is that file's path
 * in errors.
 *
 * @throws {TokenizerError} for a field that is not supported, or a token without content.
 */
export function withTokenizerConfig(json: TokenizerJson, config: TokenizerConfig, name: string): TokenizerJson {
  if (config.split_special_tokens === true) {
    throw new TokenizerError(
      `${name}: split_special_tokens is not supported: remove it, and encode with splitSpecialTokens`,
    );
  }
  const kind = classOf(config);
  const { normalizer, pre_tokenizer: first } = json;
  const changed = withTokens(json, config, name);
  if (kind !== undefined && Object.hasOwn(classTokens, kind)) checkTokens(json, kind, { ...config, name });
  if (kind === "BertTokenizer" && normalizer?.type === "BertNormalizer") {
    return { ...changed, normalizer: withFields(normalizer, caseFields(config), caseDefaults) };
  }
  if ((kind === "GPT2Tokenizer" || kind === "RobertaTokenizer") && first?.type === "ByteLevel") {
    const fields = { add_prefix_space: flag(config.add_prefix_space, false) };
    return { ...changed, pre_tokenizer: withFields(first, fields, { add_prefix_space: true }) };
  }
  return changed;
}
