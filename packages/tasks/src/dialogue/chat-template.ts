/**
 * Renders chats by a Jinja template, as transformers does, and tells the assistant's replies from the rest: a reply is what the
 * template adds to the prompt that ends where the assistant's turn begins. Special tokens that messages spell out are text.
 */
import { Template } from "@huggingface/jinja";
import { prefixTokens } from "@megatron-ts/generate";
import {
  breakSpecialTokens,
  encodeRendered,
  missingTokens,
  type Tokenizer,
  tokenizerConfig,
} from "@megatron-ts/tokenizer";
import { TaskError } from "../errors.ts";
import type { ChatMessage } from "./chat-messages.ts";

/** A chat as ids: what a model reads and the replies that it learns, one after the other. */
export interface RenderedChat {
  /** Whether each part is a reply, with its end; a part follows on the one before it. */
  parts: { ids: number[]; isReply: boolean }[];
}

/** Renders and encodes chats. */
export interface ChatRenderer {
  /** The parts of a chat. Throws a TaskError if the template refuses it, or changes earlier messages because of later ones. */
  render(messages: readonly ChatMessage[]): RenderedChat;
  /** The ids up to where the assistant's turn begins. */
  prompt(messages: readonly ChatMessage[]): number[];
  /** The ids that end a reply. */
  readonly stopTokens: readonly number[];
}

/** The template of models that come without one: a line for each message, and the token that ends a text after each reply. */
export function plainTemplate(tokenizer: Tokenizer): string {
  const before = prefixTokens(tokenizer)
    .map((id) => tokenizer.idToToken(id) ?? "")
    .join("");
  return `${before}{% for message in messages %}{{ ("" if loop.first else "\\n") + message.role + ": " + message.content + (eos_token if message.role == "assistant" else "") }}{% endfor %}{{ "\\nassistant:" if add_generation_prompt else "" }}`;
}

/** Parses a template. Throws a TaskError for one that is not valid, and for one in which replies have no end. */
export function createChatRenderer(tokenizer: Tokenizer, source: string): ChatRenderer {
  const template = parse(source);
  const config = tokenizerConfig(tokenizer);
  const named = Object.fromEntries(Object.entries(config).filter(([name]) => name.endsWith("_token")));
  const missing = missingTokens(source, named);
  const names = [...tokenizer.specialTokens.keys()];
  const special = new Set(tokenizer.specialTokens.values());

  function rendered(messages: readonly ChatMessage[], hasPrompt: boolean): string {
    try {
      return template.render({ ...named, messages, add_generation_prompt: hasPrompt });
    } catch (error) {
      const { message } = error as Error;
      if (missing.length > 0 && message.includes("undefined")) throw lacking(missing);
      throw new TaskError(`the chat template refuses these messages: ${message}`);
    }
  }

  function render(messages: readonly ChatMessage[]): RenderedChat {
    const { broken, mark } = breakSpecialTokens(messages, names);
    const parts: RenderedChat["parts"] = [];
    const whole = rendered(broken, false);
    let done = "";
    const push = (text: string, isReply: boolean) => {
      if (!text.startsWith(done) || !whole.startsWith(text)) {
        throw new TaskError(
          "the chat template renders earlier messages differently once later ones follow: the assistant's replies cannot be told apart",
        );
      }
      const ids = encodeRendered(tokenizer, text.slice(done.length), mark);
      // What a template writes after the end of a reply is not the assistant's.
      const end = isReply ? ids.findLastIndex((id) => special.has(id)) + 1 || ids.length : ids.length;
      if (end > 0) parts.push({ ids: ids.slice(0, end), isReply });
      if (end < ids.length) parts.push({ ids: ids.slice(end), isReply: false });
      done = text;
    };
    for (const [index, { role }] of broken.entries()) {
      if (role !== "assistant") continue;
      push(rendered(broken.slice(0, index), true), false);
      push(rendered(broken.slice(0, index + 1), false), true);
    }
    push(whole, false);
    return { parts };
  }

  function prompt(messages: readonly ChatMessage[]): number[] {
    const { broken, mark } = breakSpecialTokens(messages, names);
    return encodeRendered(tokenizer, rendered(broken, true), mark);
  }

  const probe = render([
    { role: "user", content: "a" },
    { role: "assistant", content: "b" },
  ]).parts.find(({ isReply }) => isReply);
  const end = probe?.ids.at(-1);
  if (end !== undefined && special.has(end)) return { render, prompt, stopTokens: [end] };
  if (missing.length > 0) throw lacking(missing);
  throw new TaskError("the chat template does not end replies with a special token of the tokenizer");
}

/** For a template that cannot be rendered, or ends no reply, because the tokenizer lacks tokens that it names. */
const lacking = (missing: readonly string[]) =>
  new TaskError(
    `the chat template needs ${missing.join(" and ")}, which the tokenizer lacks: train the tokenizer with --special-tokens "<|endoftext|>", name its eos_token in tokenizer_config.json, or set task.chatTemplate to a template without it`,
  );

function parse(source: string): Template {
  try {
    return new Template(source);
  } catch (error) {
    throw new TaskError(`task.chatTemplate is not a valid template: ${(error as Error).message}`);
  }
}
