/** Runs of models that read one text and write another: span corruption and denoising of packed text. */
import {
  blend,
  buildSourceTargetBatch,
  corruptSpans,
  createGptSamples,
  createSourceTargetBatches,
  type Dataset,
  type DocumentRange,
  infill,
  type SourceTarget,
} from "@megatron-ts/data";
import type { SequenceToSequenceModel } from "@megatron-ts/model";
import { hashKey } from "@megatron-ts/random";
import type { Tokenizer } from "@megatron-ts/tokenizer";
import { ConfigError } from "../configuration-error.ts";
import { type SequenceRows, sequenceObjective } from "../step/sequence-objective.ts";
import type { ObjectiveConfigOf } from "./objective-configuration.ts";
import type { BatchContext, RunObjective } from "./run-objective.ts";
import { requireToken } from "./special-tokens.ts";

export const sequenceRun: RunObjective<"span-corruption" | "denoising", SequenceRows, SequenceToSequenceModel> = {
  families: ["encoder-decoder", "t5"],
  objective: sequenceObjective,
  open(config, context) {
    const { datasets, schedule, seed, evaluation, tokenizer, data } = context;
    const padding = requireToken(tokenizer, "padding");
    const options = (samples: { at(index: number): SourceTarget }) => ({
      samples,
      maxSource: data.sequenceLength,
      maxTarget: data.sequenceLength,
      // T5 starts its targets with the padding token.
      startToken: padding,
      padding,
    });
    const training = blend(
      datasets.training.map(({ weight, ...part }) => ({ weight, source: pairsOf(config, part, { ...context, seed }) })),
    );
    const batches = createSourceTargetBatches({ ...options(training), schedule });
    if (!datasets.validation) return { training: batches, validation: null };
    const held = options(pairsOf(config, datasets.validation, { ...context, seed: seed + 1 }));
    const { batchSize, batches: length } = evaluation;
    return {
      training: batches,
      validation: {
        length,
        at: (index) => buildSourceTargetBatch(held, { first: index * batchSize, count: batchSize }),
      },
    };
  },
};

type SequenceConfig = ObjectiveConfigOf<"span-corruption"> | ObjectiveConfigOf<"denoising">;

function pairsOf(
  config: SequenceConfig,
  part: { dataset: Dataset; documents: DocumentRange },
  { data, seed, tokenizer }: BatchContext,
) {
  const length = data.sequenceLength - 1;
  const packed = createGptSamples({ ...part, sequenceLength: length, seed });
  const sentinels = config.name === "span-corruption" ? sentinelsOf(tokenizer) : placeholders(tokenizer, length);
  const endOfSequence = tokenizer.endOfText ?? requireToken(tokenizer, "separator");
  const spans = config.spans === "mean" ? { kind: "mean" as const, length: config.meanLength } : geometric;
  const known = new Set(sentinels);
  return {
    length: packed.length,
    at(index: number): SourceTarget {
      const tokens = packed.at(index).tokens.subarray(0, length);
      const key = hashKey(seed, "spans", index);
      const corrupted = corruptSpans(tokens, { rate: config.rate, spans, sentinels, endOfSequence, key });
      if (config.name === "span-corruption") return corrupted;
      const maskToken = requireToken(tokenizer, "mask");
      return infill(tokens, { corrupted: corrupted.source, maskToken, sentinels: known, endOfSequence });
    },
  };
}

/** Megatron's spans: geometric with p = 0.2, up to ten tokens. */
const geometric = { kind: "geometric", p: 0.2, longest: 10 } as const;

/** T5's `<extra_id_0>`, `<extra_id_1>`, ... Throws a ConfigError for a tokenizer without them. */
function sentinelsOf(tokenizer: Tokenizer): number[] {
  const found: number[] = [];
  for (let number = 0; ; number++) {
    const id = tokenizer.tokenToId(`<extra_id_${number}>`);
    if (id === undefined) break;
    found.push(id);
  }
  if (found.length > 0) return found;
  throw new ConfigError([
    {
      path: "data.tokenizer",
      message:
        "has no sentinels, which span corruption needs: train one with <extra_id_0>, <extra_id_1>, ... among its special tokens",
    },
  ]);
}

/** Ids that no text has: they become the mask token at once. */
const placeholders = (tokenizer: Tokenizer, count: number) =>
  Array.from({ length: count }, (_, number) => tokenizer.vocabularySize + number);
