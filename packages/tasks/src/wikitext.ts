/**
 * Perplexity of WikiText by the formula of Megatron's paper: the text is detokenized, read in windows that overlap, and the loss is
 * divided by the number of words before that.
 */
import { countOriginalTokens, detokenizeWikitext } from "@megatron-ts/metrics";
import { fieldOf } from "./columns.ts";
import { TaskError } from "./errors.ts";
import { contextTokens, type ScoredText, scoreTexts } from "./score-tokens.ts";
import type { TaskDefinition } from "./task.ts";
import { notTrained, requireCausal, untrained } from "./zero-shot.ts";

interface WikitextExample {
  windows: ScoredText[];
  words: number;
}

type WikitextPrediction = { logProbability: number; tokens: number };

const name = "wikitext";

/** New tokens of each window, as in Megatron's evaluation. */
const STRIDE = 32;
const BATCH = 8;

/** A file of tokenized words. */
export const wikitext: TaskDefinition<WikitextExample, WikitextPrediction> = {
  name,
  fields: ["text"],
  metric: "perplexity",
  headFor: () => notTrained(name),
  open(config, { tokenizer, settings: { columns, maxTokens } }) {
    requireCausal(config, name);
    const stride = Math.max(1, Math.min(STRIDE, Math.floor(maxTokens / 2)));
    return {
      ...untrained(name),
      read(row) {
        const text = fieldOf(row, { field: "text", columns });
        const inner = tokenizer.encode(detokenizeWikitext(text), { addSpecialTokens: false });
        const ids = Int32Array.from([...contextTokens(tokenizer), ...inner]);
        if (ids.length < 2) throw new TaskError("the text is empty", row);
        const windows: ScoredText[] = [{ ids: ids.subarray(0, maxTokens), from: 1 }];
        for (let end = maxTokens; end < ids.length; end += stride) {
          const last = Math.min(ids.length, end + stride);
          const first = Math.max(0, last - maxTokens);
          windows.push({ ids: ids.subarray(first, last), from: end - first });
        }
        return { windows, words: countOriginalTokens(text) };
      },
      tokens: () => maxTokens,
      workload: ({ windows }) => ({ lengths: { sequenceLength: windows.length * maxTokens, predictedTokens: 0 } }),
      losses: () => 1,
      isTruncated: () => false,
      async predict(model, examples) {
        return examples.map(({ windows }) => {
          let [logProbability, tokens] = [0, 0];
          for (let first = 0; first < windows.length; first += BATCH) {
            for (const scores of scoreTexts(model, windows.slice(first, first + BATCH))) {
              logProbability += scores.logProbability;
              tokens += scores.tokens;
            }
          }
          return { logProbability, tokens };
        });
      },
      createScores() {
        let [sum, tokens, words] = [0, 0, 0];
        return {
          add(example, prediction) {
            sum += prediction.logProbability;
            tokens += prediction.tokens;
            words += example.words - 1;
          },
          result: () => ({
            perplexity: { value: Math.exp(-sum / words) },
            tokenPerplexity: { value: Math.exp(-sum / tokens) },
          }),
        };
      },
    };
  },
};
