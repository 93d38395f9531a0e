/** Which of a decoder's fields a format can say: those that it writes; all others must have the value it implies. */
import { hasLayout } from "@megatron-ts/attention";
import { isDense } from "../../../configuration-fields.ts";
import { type GptConfig, gptConfigSchema } from "../configuration.ts";
import { canSayHead } from "./classifier.ts";

const defaults: GptConfig = gptConfigSchema.parse({
  family: "gpt",
  numLayers: 1,
  hiddenSize: 2,
  numHeads: 1,
  vocabularySize: 1,
  maxPositions: 1,
});

/** Fields that every format writes, or that matter in training alone. */
const always: readonly (keyof GptConfig)[] = [
  ...(["family", "numLayers", "hiddenSize", "numHeads", "vocabularySize", "maxPositions", "feedForwardSize"] as const),
  ...(["activation", "normEpsilon", "initializerRange", "zeroInitializedOutputs", "tiedEmbeddings"] as const),
  ...(["dropout", "attentionDropout", "embeddingDropout"] as const),
];

/** What a format can say of a model. */
export interface Support {
  /** Values that all its models have, where they differ from the defaults of the configuration. */
  fixed?: Partial<GptConfig>;
  /** Fields that its models differ in. */
  free?: readonly (keyof GptConfig)[];
  /** Whether the format has a way to write the values of those. Gets a configuration without repetition. */
  check?: (config: GptConfig) => boolean;
}

/** Whether a format can say all of a configuration. */
export const canSay = (config: GptConfig, support: Support): boolean =>
  unsaidFields(config, support).length === 0 && (support.check?.(withoutRepetition(config)) ?? true);

/** The fields whose values a format has no way to say. */
export function unsaidFields(config: GptConfig, { fixed = {}, free = [] }: Support): (keyof GptConfig)[] {
  const own = withoutRepetition(config);
  const implied: GptConfig = { ...defaults, ...fixed };
  const fields = Object.keys({ ...own, ...implied }) as (keyof GptConfig)[];
  const isOpen = (field: keyof GptConfig) =>
    always.includes(field) || free.includes(field) || (field === "task" && canSayHead(config.task));
  const isImplied = (field: keyof GptConfig) => JSON.stringify(own[field]) === JSON.stringify(implied[field]);
  return fields.filter((field) => !isOpen(field) && !isImplied(field));
}

/** The same model, without fields that repeat a default or change nothing. */
export function withoutRepetition(given: GptConfig): GptConfig {
  const config = { ...given, ...withPlainWindow(given) };
  const { hiddenSize, numHeads, headSize = hiddenSize / numHeads, biases, attentionBiases = biases } = config;
  const unless = <Value>(value: Value | undefined, usual: Value) => (value === usual ? undefined : value);
  return {
    ...config,
    ...withoutUselessWindow(config),
    ...(config.positions !== "rotary" && {
      rotaryTheta: defaults.rotaryTheta,
      rotaryScaling: undefined,
      rotaryFraction: 1,
    }),
    headSize: unless(config.headSize, hiddenSize / numHeads),
    numKeyValueHeads: unless(config.numKeyValueHeads, numHeads),
    attentionScale: unless(config.attentionScale, 1 / Math.sqrt(headSize)),
    attentionBiases: unless(config.attentionBiases, biases),
    attentionOutputBias: unless(config.attentionOutputBias, attentionBiases),
  };
}

/** A sliding window of its own is the same as `attentionWindow`. */
function withPlainWindow(
  config: GptConfig,
): Partial<Pick<GptConfig, "attention" | "attentionWindow" | "layersWithoutWindow">> {
  const { attention, numLayers } = config;
  if (isDense(config)) return { attention: undefined };
  if (attention?.layout !== "local" || attention.globalTokens?.length || config.windowRotaryTheta !== undefined)
    return {};
  if (typeof attention.window === "object") return {};
  const layers = Array.from({ length: numLayers }, (_, layer) => layer);
  return {
    attention: undefined,
    attentionWindow: attention.window ?? 256,
    layersWithoutWindow: layers.filter((layer) => !hasLayout(attention, layer)),
  };
}

type WindowFields = Pick<GptConfig, "attentionWindow" | "layersWithoutWindow" | "windowRotaryTheta">;

function withoutUselessWindow(config: GptConfig): WindowFields {
  const { attentionWindow, numLayers, rotaryTheta, rotaryScaling, windowRotaryTheta } = config;
  const wide = [...new Set(config.layersWithoutWindow)].sort((a, b) => a - b);
  const base = windowRotaryTheta === rotaryTheta && rotaryScaling === undefined ? undefined : windowRotaryTheta;
  if (attentionWindow === null || wide.length === numLayers) {
    return { attentionWindow: null, layersWithoutWindow: [], windowRotaryTheta: undefined };
  }
  return { attentionWindow, layersWithoutWindow: wide, windowRotaryTheta: base };
}
