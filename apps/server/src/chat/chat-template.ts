/** Renders the messages of a chat by a Jinja template, as transformers does, and encodes them. */
import { Template } from "@huggingface/jinja";
import { breakSpecialTokens, encodeRendered, missingTokens, type Tokenizer } from "@megatron-ts/tokenizer";
import type { ChatMessage } from "../engine/protocol.ts";
import { ApiError, ServerError } from "../errors.ts";

/** Encodes chats. */
export interface ChatTemplate {
  /** The ids of messages, ending where the assistant's turn begins. Throws an ApiError if the template refuses them. */
  encode(messages: readonly ChatMessage[], variables: Record<string, unknown>): number[];
}

/** Parses a template. Throws a ServerError for one that is not valid. */
export function createChatTemplate(
  source: string,
  { tokenizer, namedTokens }: { tokenizer: Tokenizer; namedTokens: Record<string, string> },
): ChatTemplate {
  const template = parse(source);
  return {
    encode(messages, variables) {
      const { broken, mark } = breakSpecialTokens({ messages, variables }, tokenizer.specialTokens.keys());
      let rendered: string;
      try {
        rendered = template.render({
          ...namedTokens,
          ...broken.variables,
          messages: broken.messages,
          add_generation_prompt: true,
        });
      } catch (error) {
        const message = (error as Error).message.replaceAll(mark, "");
        const missing = missingTokens(source, { ...namedTokens, ...variables });
        if (missing.length > 0 && message.includes("undefined")) throw lacking(missing);
        throw new ApiError(`the chat template refuses these messages: ${message}`, { status: 400, param: "messages" });
      }
      return encodeRendered(tokenizer, rendered, mark);
    },
  };
}

const lacking = (missing: readonly string[]) =>
  new ApiError(
    `the chat template needs ${missing.join(" and ")}, which this model's tokenizer lacks: start the server with --chat-template <file>`,
    { status: 400, param: "messages" },
  );

function parse(source: string): Template {
  try {
    return new Template(source);
  } catch (error) {
    throw new ServerError(`the chat template is not valid: ${(error as Error).message}`);
  }
}
