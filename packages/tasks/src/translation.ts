/** Translation of texts, scored by BLEU and chrF as sacreBLEU computes them. */
import { bootstrap, createBleu, createChrf, type TranslationExample } from "@megatron-ts/metrics";
import { defineTextTask } from "./text/text-task.ts";

/** BLEU counts four words in a row, and is 0 where no text has as many. */
const SHORTEST = 4;

const hasWords = (text: string): boolean => (text.match(/[\p{L}\p{M}\p{N}]+|[^\s]/gu) ?? []).length >= SHORTEST;

/** A source text and its translation. */
export const translation = defineTextTask({
  name: "translation",
  source: "source",
  target: "target",
  metric: "bleu",
  metricFor: (targets) => (targets.some(hasWords) ? "bleu" : "chrf"),
  textSettings: ["prompt", "generation", "bleuTokenizer"],
  createScores({ bleuTokenizer = "13a" }) {
    const examples: TranslationExample[] = [];
    return {
      add: ({ references }, { text }) => void examples.push({ hypothesis: text, references }),
      result({ intervals = false } = {}) {
        const scoreOf = (metric: ReturnType<typeof createBleu> | ReturnType<typeof createChrf>) => {
          for (const example of examples) metric.add(example);
          const { score: value, signature } = metric.result();
          const own = metric as Pick<ReturnType<typeof createBleu>, "statistics" | "score">;
          return { value, signature, ...(intervals && { interval: bootstrap(examples, { metric: own }).interval }) };
        };
        return { bleu: scoreOf(createBleu({ tokenize: bleuTokenizer })), chrf: scoreOf(createChrf()) };
      },
    };
  },
});
