/** Answers with server-sent events, as OpenAI streams: one JSON object each, and `[DONE]` at the end. */
import { ApiError } from "../errors.ts";
import { errorBody } from "./api-error.ts";

/**
 * Streams objects. `onCancel` is called if the client leaves before the end. An error in the middle is sent as an event, since
 * the status has been sent already. `named` events carry their type as name, and the last one is the end.
 */
export function eventStream(
  objects: AsyncIterable<object & { type?: string }>,
  { onCancel, named = false }: { onCancel: () => void; named?: boolean },
): Response {
  const encoder = new TextEncoder();
  const event = (data: string, name?: string) =>
    encoder.encode(`${named && name !== undefined ? `event: ${name}\n` : ""}data: ${data}\n\n`);
  let isCancelled = false;
  const body = new ReadableStream<Uint8Array>({
    async start(controller) {
      try {
        for await (const object of objects) {
          if (isCancelled) return;
          controller.enqueue(event(JSON.stringify(object), object.type));
        }
        if (!isCancelled && !named) controller.enqueue(event("[DONE]"));
      } catch (error) {
        const known = error instanceof ApiError ? error : new ApiError("internal server error", { status: 500 });
        const { error: body } = errorBody(known);
        const sent = named ? { ...body, type: "error" } : { error: body };
        if (!isCancelled) controller.enqueue(event(JSON.stringify(sent), "error"));
      } finally {
        if (!isCancelled) controller.close();
      }
    },
    cancel() {
      isCancelled = true;
      onCancel();
    },
  });
  return new Response(body, {
    headers: {
      "Content-Type": "text/event-stream; charset=utf-8",
      "Cache-Control": "no-cache",
      // Proxies such as nginx would collect the events.
      "X-Accel-Buffering": "no",
    },
  });
}
