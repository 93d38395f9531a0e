/** A chat with a server of OpenAI's API: keeps the messages, and yields each answer as it comes. */
import { ServerError } from "../errors.ts";

/** Options of `createChat`. */
export interface ChatOptions {
  /** The server, without /v1. */
  url: string;
  apiKey?: string;
  /** System message at the start of the chat. Default: none. */
  system?: string;
  /** Sampling parameters of the API, such as temperature and max_completion_tokens. */
  parameters?: Readonly<Record<string, unknown>>;
}

/** A chat. */
export interface Chat {
  /**
   * Yields the pieces of the answer to a message. Throws a ServerError with what the server says against it, or that there is no
   * server, and another Error where the server fails.
   */
  send(message: string): AsyncGenerator<string, void, undefined>;
  /** Forgets what has been said. */
  clear(): void;
}

/** Starts a chat. */
export function createChat({ url, apiKey, system, parameters }: ChatOptions): Chat {
  const first = system === undefined ? [] : [{ role: "system", content: system }];
  let messages = [...first];
  return {
    async *send(message) {
      const asked = [...messages, { role: "user", content: message }];
      const response = await fetch(`${url}/v1/chat/completions`, {
        method: "POST",
        headers: { "Content-Type": "application/json", ...(apiKey && { Authorization: `Bearer ${apiKey}` }) },
        body: JSON.stringify({ ...parameters, messages: asked, stream: true }),
      }).catch((error: Error & { cause?: { code?: string } }) => {
        const why = error.cause?.code ?? error.message;
        throw new ServerError(`${url}: no server answers there (${why}): start one with megatron serve`);
      });
      if (!response.ok) {
        const said = (await response.json().catch(() => null)) as { error?: { message?: string } } | null;
        const message = said?.error?.message ?? `the server answered with status ${response.status}`;
        throw response.status < 500 ? new ServerError(message) : new Error(message);
      }
      let answer = "";
      for await (const data of eventsOf(response)) {
        const { choices, error } = JSON.parse(data) as {
          choices?: { delta: { content?: string } }[];
          error?: { message: string };
        };
        if (error) throw new Error(error.message);
        const text = choices?.[0]?.delta.content ?? "";
        answer += text;
        if (text !== "") yield text;
      }
      messages = [...asked, { role: "assistant", content: answer }];
    },
    clear() {
      messages = [...first];
    },
  };
}

/** The data of server-sent events, up to [DONE]. */
async function* eventsOf(response: Response): AsyncGenerator<string> {
  let text = "";
  const decoder = new TextDecoder();
  for await (const bytes of response.body!) {
    text += decoder.decode(bytes, { stream: true });
    const events = text.split("\n\n");
    text = events.pop()!;
    for (const event of events) {
      const data = event.replace(/^data: /, "");
      if (data === "[DONE]") return;
      yield data;
    }
  }
}
