/** Reads server-sent events. */

/** The objects of a stream, which must end with `[DONE]`. */
export async function readEvents<T = Record<string, unknown>>(response: Response): Promise<T[]> {
  const text = await response.text();
  const events = text.split("\n\n").filter(Boolean);
  if (events.at(-1) !== "data: [DONE]") throw new Error(`the stream ends with ${events.at(-1)}`);
  return events.slice(0, -1).map((event) => JSON.parse(event.slice("data: ".length)) as T);
}
