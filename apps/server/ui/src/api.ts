/** Asks the server: JSON, and streams of events. The key, where one is needed, is kept for the tab only. */

/** A task that the model can do, see its src/engine/served-tasks.ts. */
export type ServedTask =
  | { name: "classify"; labels: string[]; pairs: boolean }
  | { name: "answer" | "translate" | "summarize" }
  | { name: "fill-mask"; mask: string };

/** What the server offers, see its src/page/routes.ts. */
export interface PageFeatures {
  model: {
    name: string;
    chats: boolean;
    generates: boolean;
    tasks: ServedTask[];
    explains: boolean;
    findsPassages: boolean;
  } | null;
  loading: boolean;
  runs: boolean;
}

/** An answer that is an error. */
export class Refused extends Error {
  constructor(
    message: string,
    readonly status: number,
  ) {
    super(message);
  }
}

const KEY = "megatron-key";

/** Remembers a key for this tab. */
export const setKey = (key: string): void => sessionStorage.setItem(KEY, key);

async function send(path: string, body: object | undefined, signal?: AbortSignal): Promise<Response> {
  const key = sessionStorage.getItem(KEY);
  const response = await fetch(path, {
    method: body ? "POST" : "GET",
    headers: { ...(body && { "Content-Type": "application/json" }), ...(key && { Authorization: `Bearer ${key}` }) },
    ...(body && { body: JSON.stringify(body) }),
    ...(signal && { signal }),
  }).catch((error: Error) => {
    if (error.name === "AbortError") throw error;
    throw new Refused("The server does not answer.", 0);
  });
  if (response.ok) return response;
  const said = (await response.json().catch(() => null)) as { error?: { message?: string } } | null;
  throw new Refused(said?.error?.message ?? `The server answered with status ${response.status}.`, response.status);
}

/** GETs, or POSTs a body. Throws Refused. */
export async function ask<Answer>(path: string, body?: object): Promise<Answer> {
  return (await send(path, body)).json() as Promise<Answer>;
}

/** POSTs a body and yields the events of the answer. Throws Refused. */
export async function* stream<Event>(path: string, body: object, signal: AbortSignal): AsyncGenerator<Event> {
  const response = await send(path, body, signal);
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  for (let read = await reader.read(); !read.done; read = await reader.read()) {
    text += read.value;
    const events = text.split("\n\n");
    text = events.pop()!;
    for (const event of events) {
      const data = event.replace(/^data: /, "");
      if (data === "[DONE]") return;
      const value: unknown = JSON.parse(data);
      const { error } = value as { error?: { message: string } };
      if (error) throw new Refused(error.message, 500);
      yield value as Awaited<Event>;
    }
  }
}
