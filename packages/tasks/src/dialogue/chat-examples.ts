/**
 * Chats as examples. A causal model reads a chat once and learns all replies in it; an encoder-decoder reads what was said
 * before a reply and writes that reply. Chats that are too long lose their beginning.
 */
import type { LossPair } from "../text/pair-loss.ts";
import type { ChatMessage } from "./chat-messages.ts";
import type { ChatRenderer, RenderedChat } from "./chat-template.ts";

/** A chat as a model reads it. */
export interface DialogueExample {
  /** What is learned: a pair with all replies, or one for each. Empty where no reply is known. */
  pairs: LossPair[];
  /** What the last reply follows on. */
  prompt: Int32Array;
  /** The last reply with its end; and as it is written. Empty where it is not known. */
  reply: Int32Array;
  text: string;
  truncated: boolean;
}

/** How chats become examples. */
export interface ChatExampleOptions {
  renderer: ChatRenderer;
  /** Tokens of a chat, or of each side of a pair. */
  maxTokens: number;
  /** Tokens of a prompt, which leave room for a reply. */
  promptTokens: number;
  /** Ends a source in encoder-decoders; null for causal models. */
  sourceEnd: number | null;
}

const lastOf = (ids: readonly number[], room: number): number[] => ids.slice(Math.max(0, ids.length - room));

/** Tokens of all parts, and whether each is learned. */
function flatten({ parts }: RenderedChat): { ids: number[]; learned: boolean[] } {
  const ids = parts.flatMap((part) => part.ids);
  return { ids, learned: parts.flatMap((part) => part.ids.map(() => part.isReply)) };
}

/** The pair of a causal model. At least the first token is only read. */
function causalPair(chat: RenderedChat, maxTokens: number): LossPair[] {
  const { ids, learned } = flatten(chat);
  const end = learned.lastIndexOf(true) + 1;
  const first = Math.max(0, end - maxTokens);
  const start = learned.indexOf(true, first + 1);
  if (start < 0) return [];
  return [
    {
      source: Int32Array.from(ids.slice(first, start)),
      target: Int32Array.from(ids.slice(start, end)),
      learned: learned.slice(start, end),
    },
  ];
}

/** A pair for each reply. */
function replyPairs({ parts }: RenderedChat, { maxTokens, sourceEnd }: ChatExampleOptions): LossPair[] {
  return parts.flatMap(({ ids, isReply }, index): LossPair[] => {
    if (!isReply) return [];
    const before = parts.slice(0, index).flatMap((part) => part.ids);
    const source = Int32Array.from([...lastOf(before, maxTokens - 1), sourceEnd!]);
    return [{ source, target: Int32Array.from(ids.slice(0, maxTokens)) }];
  });
}

/** The example of a chat, whose last message is a reply if it is `labelled`. */
export function chatExample(
  messages: readonly ChatMessage[],
  { labelled, ...options }: ChatExampleOptions & { labelled: boolean },
): DialogueExample {
  const { renderer, maxTokens, promptTokens, sourceEnd } = options;
  const end = sourceEnd === null ? [] : [sourceEnd];
  const history = labelled ? messages.slice(0, -1) : messages;
  const before = renderer.prompt(history);
  const prompt = Int32Array.from([...lastOf(before, promptTokens - end.length), ...end]);
  if (!labelled) {
    const truncated = before.length + end.length > promptTokens;
    return { pairs: [], prompt, reply: new Int32Array(), text: "", truncated };
  }
  const chat = renderer.render(messages);
  const reply = chat.parts.findLast(({ isReply }) => isReply)!.ids;
  // What the template writes after the last reply is not read.
  const read = chat.parts.slice(0, chat.parts.findLastIndex(({ isReply }) => isReply) + 1);
  const all = read.reduce((sum, { ids }) => sum + ids.length, 0);
  return {
    pairs: sourceEnd === null ? causalPair(chat, maxTokens) : replyPairs(chat, options),
    prompt,
    reply: Int32Array.from(reply),
    text: messages.at(-1)!.content,
    truncated: sourceEnd === null ? all > maxTokens : Math.max(all - reply.length + 1, reply.length) > maxTokens,
  };
}
