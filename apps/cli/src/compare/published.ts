/**
 * Published figures of the systems whose small twins are compared: shown beside ours, never ours. Those of the survey are as it
 * prints them; its perplexities of masked models and of causal ones measure different things.
 */

/** A row of the published table. */
export interface PublishedRow {
  model: string;
  parameters: string;
  maximumSequence: string;
  trainingData: string;
  trainingTime: string;
  perplexity: string;
  bleu: string;
  source: string;
}

const survey = "the survey table that this project answers";

/** Rows in the order of the table. */
export const publishedRows: readonly PublishedRow[] = [
  {
    model: "Megatron-LM",
    parameters: "345M; up to 8.3 billion",
    maximumSequence: "512 as the survey has it; 1,024 in the paper",
    trainingData: "174 GB of English text (the paper; not 8,000 languages)",
    trainingTime: "3 days",
    perplexity: "15.4",
    bleu: "34.1",
    source: survey,
  },
  {
    model: "Megatron-LM 355M / 2.5B / 8.3B",
    parameters: "355M / 2.5B / 8.3B",
    maximumSequence: "1,024",
    trainingData: "174 GB of English text",
    trainingTime: "",
    perplexity: "19.31 / 12.76 / 10.81 (WikiText-103)",
    bleu: "",
    source: "Shoeybi et al. 2019",
  },
  {
    model: "BERT-Large",
    parameters: "340M; base 110M",
    maximumSequence: "512",
    trainingData: "3.3 billion words of English (the paper)",
    trainingTime: "2.5 days",
    perplexity: "16.1",
    bleu: "33.5",
    source: survey,
  },
  {
    model: "RoBERTa-Large",
    parameters: "335M as the survey has it; 355M in the paper",
    maximumSequence: "512",
    trainingData: "160 GB of English text (the paper)",
    trainingTime: "2 days",
    perplexity: "15.9",
    bleu: "34.5",
    source: survey,
  },
  {
    model: "XLNet-Large",
    parameters: "330M as the survey has it; 360M in the paper",
    maximumSequence: "512 in pretraining; no limit",
    trainingData: "32.89 billion pieces of English text (the paper)",
    trainingTime: "1.5 days",
    perplexity: "16.5",
    bleu: "32.9",
    source: survey,
  },
];
