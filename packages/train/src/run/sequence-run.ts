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
import type { RunObjective, SampleContext } from "./run-objective.ts";
import { requireToken } from "./special-tokens.ts";

export const sequenceRun: RunObjective<"span-corruption" | "denoising", SequenceRows, SequenceToSequenceModel> = {
  families: ["encoder-decoder", "t5"],
  measure: "sequence perplexity",
  objective: sequenceObjective,
  training(config, context) {
    const samples = blend(
      context.training.map(({ weight, ...part }) => ({ weight, source: pairsOf(config, part, context) })),
    );
    return createSourceTargetBatches({ ...optionsOf(context), samples, schedule: context.schedule });
  },
  heldOut(config, context) {
    const { batchSize, batches, seed } = context;
    const options = { ...optionsOf(context), samples: pairsOf(config, context, { ...context, seed: seed + 1 }) };
    return {
      length: batches,
      at: (index) => buildSourceTargetBatch(options, { first: index * batchSize, count: batchSize }),
    };
  },
};

function optionsOf({ data, tokenizer }: SampleContext) {
  const padding = requireToken(tokenizer, "padding");
  // T5 starts its targets with the padding token.
  return { maxSource: data.sequenceLength, maxTarget: data.sequenceLength, startToken: padding, padding };
}

type SequenceConfig = ObjectiveConfigOf<"span-corruption"> | ObjectiveConfigOf<"denoising">;

function pairsOf(
  config: SequenceConfig,
  part: { dataset: Dataset; documents: DocumentRange },
  { data, seed, tokenizer }: SampleContext,
) {
  const length = data.sequenceLength - 1;
  const packed = createGptSamples({ dataset: part.dataset, documents: part.documents, sequenceLength: length, seed });
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
