/**
 * How a model embeds texts, by the files that sentence-transformers saves: modules.json, its pooling, its longest text and its
 * default prompt. A setting that would make other vectors is unsupported by name.
 */
import { ServerError } from "../errors.ts";

/** A way of pooling, as sentence-transformers names it. */
export type PoolingMode = "cls" | "lasttoken" | "max" | "mean" | "mean_sqrt_len_tokens" | "weightedmean";

/** How texts become vectors. */
export interface EmbeddingSettings {
  /** Whether sentence-transformers made the model, so that a text has the special tokens of the tokenizer's own template. */
  sentenceTransformers: boolean;
  /** The vectors of several are joined. */
  pooling: readonly PoolingMode[];
  /** Whether vectors are scaled to length 1. */
  normalize: boolean;
  /** The most tokens that a text may have; the model may take fewer. */
  maxTokens: number;
  /** Put in front of each text. */
  prompt: string;
}

/** The flags of earlier versions, in the order in which their vectors are joined. */
const FLAGS: Readonly<Record<string, PoolingMode>> = {
  pooling_mode_cls_token: "cls",
  pooling_mode_max_tokens: "max",
  pooling_mode_mean_tokens: "mean",
  pooling_mode_mean_sqrt_len_tokens: "mean_sqrt_len_tokens",
  pooling_mode_weightedmean_tokens: "weightedmean",
  pooling_mode_lasttoken: "lasttoken",
};
const MODES: readonly unknown[] = Object.values(FLAGS);

type Fields = Record<string, unknown>;

/** Gives a JSON file of the checkpoint, empty if there is none. */
export type ReadFields = (name: string) => Fields;

/**
 * Reads the settings of a checkpoint whose files have these names; the mean, of length 1, without any of them. Throws a ServerError
 * that names the first setting that is not supported.
 */
export function readEmbeddingSettings(names: readonly string[], read: ReadFields): EmbeddingSettings {
  if (!names.includes("modules.json")) {
    const pooling = poolingOf(read("1_Pooling__config.json"));
    return { sentenceTransformers: false, pooling, normalize: true, maxTokens: Number.POSITIVE_INFINITY, prompt: "" };
  }
  const modules = Object.values(read("modules.json")) as Fields[];
  const find = (kind: string) => modules.find(({ type }) => String(type).split(".").at(-1) === kind);
  const pooler = find("Pooling");
  if (!pooler) throw new ServerError("modules.json has no Pooling module");
  const pooling = read(`${pooler.path}__config.json`);
  const file = names.find((name) => /^sentence_[a-z-]+_config\.json$/.test(name));
  const own = file === undefined ? {} : read(file);
  if (own.do_lower_case && !lowersCase(read("tokenizer.json").normalizer)) {
    throw new ServerError(`do_lower_case in ${file} is supported only with a tokenizer that lowers case itself`);
  }
  const { prompts, default_prompt_name: name } = read("config_sentence_transformers.json");
  const prompt = (prompts as Record<string, string> | undefined)?.[String(name)] ?? "";
  if (prompt !== "" && pooling.include_prompt === false) {
    throw new ServerError(
      `include_prompt in ${pooler.path}/config.json is false, which is not supported with a default prompt`,
    );
  }
  const longest = own.max_seq_length ?? read("tokenizer_config.json").model_max_length;
  return {
    sentenceTransformers: true,
    pooling: poolingOf(pooling),
    normalize: find("Normalize") !== undefined,
    maxTokens: typeof longest === "number" ? longest : Number.POSITIVE_INFINITY,
    prompt,
  };
}

/** The ways of pooling in a configuration. Throws a ServerError for an unknown one. */
function poolingOf(config: Fields): PoolingMode[] {
  const set = Object.keys(config).filter((key) => key.startsWith("pooling_mode_") && config[key] === true);
  const flagged = [
    ...Object.keys(FLAGS).filter((flag) => set.includes(flag)),
    ...set.filter((flag) => !(flag in FLAGS)),
  ];
  const modes = [config.pooling_mode ?? flagged.map((flag) => FLAGS[flag] ?? flag)].flat();
  const unknown = modes.find((mode) => !MODES.includes(mode));
  if (unknown !== undefined) throw new ServerError(`the pooling ${JSON.stringify(unknown)} is not supported`);
  return modes.length === 0 ? ["mean"] : (modes as PoolingMode[]);
}

/** Whether a normalizer of tokenizer.json lowers case, so that doing it before changes nothing. */
function lowersCase(normalizer: unknown): boolean {
  const { type, lowercase, normalizers } = (normalizer ?? {}) as Fields;
  return type === "Lowercase" || lowercase === true || (Array.isArray(normalizers) && normalizers.some(lowersCase));
}
