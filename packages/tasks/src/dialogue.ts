/**
 * Dialogue: the replies of an assistant in chats of any number of turns, rendered by a chat template. Only replies are learned. Scores
 * are the perplexity of all replies, and of the last one in each chat hits@1 of 20 and how varied what the model writes is.
 */
import { createDiversity } from "@megatron-ts/metrics";
import { longestSequence } from "@megatron-ts/model";
import { chatExample, type DialogueExample } from "./dialogue/chat-examples.ts";
import { messagesIn } from "./dialogue/chat-messages.ts";
import { createChatRenderer, plainTemplate } from "./dialogue/chat-template.ts";
import { otherReplies, ranksFirst, sumsOf } from "./dialogue/rank-replies.ts";
import { TaskError } from "./errors.ts";
import { shareOf } from "./share.ts";
import type { Score, TaskDefinition } from "./task.ts";
import { pairLossSum } from "./text/pair-loss.ts";
import { textPredictionOf, textTokensOf } from "./text/text-pair.ts";
import { writeTexts } from "./text/write-texts.ts";

/** The last reply; with the loss of all replies, and the rank of the last, where they are known. */
type DialoguePrediction = {
  text: string;
  score: number;
  logProbability?: number;
  tokens?: number;
  /** 1 if the right reply is more probable than 19 others, else 0. */
  hit?: number;
};

/** Chats as lists of messages. */
export const dialogue: TaskDefinition<DialogueExample, DialoguePrediction> = {
  name: "dialogue",
  fields: ["messages"],
  // Writing and ranking replies take many times as long.
  metric: "loss",
  textSettings: ["generation", "chatTemplate"],
  headFor: () => null,
  open(config, { tokenizer, settings }) {
    const { columns, maxTokens, training, text = {} } = settings;
    const prediction = textPredictionOf(config);
    const tokens = textTokensOf(tokenizer, prediction);
    const renderer = createChatRenderer(tokenizer, text.chatTemplate ?? plainTemplate(tokenizer));
    const isCausal = prediction === "causal";
    const { numBeams = 1, lengthPenalty = 1, noRepeatNgramSize = 0, maxTokens: most } = text.generation ?? {};
    const longest = longestSequence(config);
    const written = Math.min(most ?? Math.max(1, Math.floor(maxTokens / 2)), longest - 1);
    const promptTokens = isCausal ? Math.min(maxTokens, longest - written) : maxTokens;
    if (promptTokens < 2 || maxTokens < 2) throw new TaskError(`data.maxTokens: expected more than ${maxTokens}`);
    const reading = { renderer, maxTokens, promptTokens, sourceEnd: isCausal ? null : tokens.end };
    const search = { numBeams, lengthPenalty, noRepeatNgramSize, maxTokens: written };
    const writing = { ...search, prediction, tokens, tokenizer, stopTokens: renderer.stopTokens };
    const learnedIn = ({ pairs }: DialogueExample) =>
      pairs.reduce(
        (sum, { target, learned }) => sum + (learned ?? [...target]).filter((one) => one !== false).length,
        0,
      );
    const lengthsOf = ({ pairs }: DialogueExample) => ({
      source: pairs.reduce((sum, { source }) => sum + source.length, 0),
      target: pairs.reduce((sum, { target }) => sum + target.length, 0),
    });
    const pairsOf = (examples: readonly DialogueExample[]) => examples.flatMap(({ pairs }) => pairs);
    return {
      read(row, { labelled }) {
        const messages = messagesIn(row, { columns, labelled });
        const last = messages.findLastIndex(({ role }) => role !== "assistant");
        if (last < 0) throw new TaskError("the chat has no message that the assistant replies to", row);
        try {
          const example = chatExample(labelled ? messages : messages.slice(0, last + 1), { ...reading, labelled });
          if (!labelled || example.pairs.length > 0) return example;
        } catch (error) {
          throw error instanceof TaskError ? new TaskError(error.message, row) : error;
        }
        throw new TaskError("no reply is within data.maxTokens of the chat's end", row);
      },
      tokens: (example) =>
        Math.max(example.prompt.length, ...example.pairs.map(({ source, target }) => source.length + target.length)),
      workload(example) {
        const { source, target } = lengthsOf(example);
        const lengths = isCausal
          ? { sequenceLength: source + target }
          : { sourceLength: source, sequenceLength: target };
        return { prediction, lengths };
      },
      losses: learnedIn,
      isTruncated: ({ truncated }) => truncated,
      lossSum: (model, examples, options) =>
        pairLossSum(model, pairsOf(examples), { ...options, prediction, tokens, smoothing: 0 }),
      trainingLossSum: (model, examples, options) =>
        pairLossSum(model, pairsOf(examples), {
          ...options,
          prediction,
          tokens,
          smoothing: training?.labelSmoothing ?? 0,
        }),
      trainingWeight: learnedIn,
      async predict(model, examples, { among = examples } = {}) {
        const replies = writeTexts(
          model,
          examples.map(({ prompt }) => ({ source: prompt })),
          writing,
        );
        return examples.map((example, index): DialoguePrediction => {
          const reply = replies[index]!;
          if (example.pairs.length === 0) return reply;
          const nats = sumsOf(model, example.pairs, { prediction, tokens }).reduce((sum, loss) => sum + loss, 0);
          const others = otherReplies(example, among);
          const room = Math.min(maxTokens, isCausal ? longest - example.prompt.length : maxTokens);
          const hit = others && Number(ranksFirst(model, example, { others, room, prediction, tokens }));
          return { ...reply, logProbability: -nats, tokens: learnedIn(example), ...(hit !== null && { hit }) };
        });
      },
      createScores() {
        const diversity = createDiversity();
        let [nats, tokens, hits, ranked] = [0, 0, 0, 0];
        return {
          add(_, prediction) {
            diversity.add(prediction.text);
            nats -= prediction.logProbability ?? 0;
            tokens += prediction.tokens ?? 0;
            hits += prediction.hit ?? 0;
            ranked += prediction.hit === undefined ? 0 : 1;
          },
          result(): Record<string, Score> {
            const { distinct1, distinct2, repetition } = diversity.result();
            const found = { distinct1, distinct2, repetition };
            const defined = Object.entries(found).filter(([, value]) => !Number.isNaN(value));
            return {
              perplexity: { value: Math.exp(nats / tokens) },
              ...(ranked > 0 && { hitsAt1: shareOf(hits, ranked) }),
              ...Object.fromEntries(defined.map(([name, value]) => [name, { value }])),
            };
          },
        };
      },
    };
  },
};
