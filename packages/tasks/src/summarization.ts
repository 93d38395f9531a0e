/** Summaries of texts, scored by ROUGE as rouge-score computes it, with stems, and by the names and numbers that they keep. */
import { bootstrap, createRouge, type RougeType, type TranslationExample } from "@megatron-ts/metrics";
import { keptFacts } from "./kept-facts.ts";
import { summaryBaselines } from "./summary-baselines.ts";
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
  baselines: summaryBaselines,
  createScores() {
    const rouge = createRouge({ types: [...types], stemmer: true });
    const examples: TranslationExample[] = [];
    const facts = { kept: 0, all: 0 };
    return {
      add({ references }, { text }) {
        const example = { hypothesis: text, references };
        examples.push(example);
        const { kept, all } = keptFacts(references, text);
        facts.kept += kept;
        facts.all += all;
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
        const scores = Object.fromEntries(types.map((type) => [type, scoreOf(type)]));
        return facts.all === 0 ? scores : { ...scores, factsKept: { value: (100 * facts.kept) / facts.all } };
      },
    };
  },
});
