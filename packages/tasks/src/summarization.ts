/** Summaries of texts, scored by ROUGE as rouge-score computes it, with stems. */
import { bootstrap, createRouge, type RougeType, type TranslationExample } from "@megatron-ts/metrics";
import type { Score } from "./task.ts";
import { defineTextTask } from "./text/text-task.ts";

const types: readonly RougeType[] = ["rouge1", "rouge2", "rougeL", "rougeLsum"];

/** A text and its summary; scores are F-measures in percent. */
export const summarization = defineTextTask({
  name: "summarization",
  source: "text",
  target: "summary",
  metric: "rougeL",
  textSettings: ["prompt", "generation"],
  createScores() {
    const rouge = createRouge({ types: [...types], stemmer: true });
    const examples: TranslationExample[] = [];
    return {
      add({ references }, { text }) {
        const example = { hypothesis: text, references };
        examples.push(example);
        rouge.add(example);
      },
      result({ intervals = false } = {}) {
        const found = rouge.result();
        const { statistics, score } = rouge;
        const scoreOf = (type: RougeType): Score => {
          const metric = {
            statistics,
            score: (sums: readonly number[]) => ({ score: 100 * score(sums)[type]!.fMeasure }),
          };
          const interval = intervals ? { interval: bootstrap(examples, { metric }).interval } : {};
          return { value: 100 * found[type]!.fMeasure, ...interval };
        };
        return Object.fromEntries(types.map((type) => [type, scoreOf(type)]));
      },
    };
  },
});
