/** Answers with server-sent events, as OpenAI streams: one JSON object each, and `[DONE]` at the end. */
import { ApiError } from "../errors.ts";
import { errorBody } from "./api-error.ts";

/**
 * Streams objects. `onCancel` is called if the client leaves before the end. An error in the middle is sent as an event, since
 * the status has been sent already.
 */
export function eventStream(objects: AsyncIterable<object>, { onCancel }: { onCancel: () => void }): Response {
  const encoder = new TextEncoder();
  const event = (data: string) => encoder.encode(`data: ${data}\n\n`);
  let isCancelled = false;
  const body = new ReadableStream<Uint8Array>({
    async start(controller) {
      try {
        for await (const object of objects) {
          if (isCancelled) return;
          controller.enqueue(event(JSON.stringify(object)));
        }
        if (!isCancelled) controller.enqueue(event("[DONE]"));
      } catch (error) {
        const known = error instanceof ApiError ? error : new ApiError("internal server error", { status: 500 });
        if (!isCancelled) controller.enqueue(event(JSON.stringify(errorBody(known))));
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
