/** A stream of OpenAI's chunks as the AI SDK's parts. */
import type { LanguageModelV3FinishReason, LanguageModelV3StreamPart, SharedV3Warning } from "@ai-sdk/provider";
import { type CalledFunction, type CompletionUsage, finishReasonOf, usageOf } from "./answer.ts";

interface Chunk {
  id: string;
  created: number;
  model: string;
  choices: { delta: { content?: string | null; tool_calls?: CalledFunction[] }; finish_reason: string | null }[];
  usage?: CompletionUsage | null;
  error?: { message: string };
}

/** The parts. `raw` adds every chunk as it came. An error in the stream is a part. */
export function streamParts(
  body: ReadableStream<Uint8Array>,
  { warnings, raw }: { warnings: SharedV3Warning[]; raw: boolean },
): ReadableStream<LanguageModelV3StreamPart> {
  const parts = partsOf(body, { warnings, raw });
  return new ReadableStream({
    async pull(controller) {
      const { done, value } = await parts.next();
      if (done) controller.close();
      else controller.enqueue(value);
    },
    async cancel(reason) {
      await parts.return(undefined);
      await body.cancel(reason).catch(() => {});
    },
  });
}

async function* partsOf(
  body: ReadableStream<Uint8Array>,
  { warnings, raw }: { warnings: SharedV3Warning[]; raw: boolean },
): AsyncGenerator<LanguageModelV3StreamPart, undefined> {
  yield { type: "stream-start", warnings };
  const id = "0";
  let isNamed = false;
  let hasText = false;
  let finishReason: LanguageModelV3FinishReason = { unified: "other", raw: undefined };
  let usage: CompletionUsage | undefined;
  for await (const data of eventsOf(body)) {
    const chunk = JSON.parse(data) as Chunk;
    if (raw) yield { type: "raw", rawValue: chunk };
    if (chunk.error) {
      finishReason = { unified: "error", raw: undefined };
      yield { type: "error", error: new Error(chunk.error.message) };
      continue;
    }
    if (!isNamed) {
      isNamed = true;
      const timestamp = new Date(1000 * chunk.created);
      yield { type: "response-metadata", id: chunk.id, modelId: chunk.model, timestamp };
    }
    usage = chunk.usage ?? usage;
    const [choice] = chunk.choices;
    if (!choice) continue;
    if (choice.delta.content) {
      if (!hasText) yield { type: "text-start", id };
      hasText = true;
      yield { type: "text-delta", id, delta: choice.delta.content };
    }
    for (const call of choice.delta.tool_calls ?? []) yield* callParts(call);
    if (choice.finish_reason) finishReason = finishReasonOf(choice.finish_reason);
  }
  if (hasText) yield { type: "text-end", id };
  yield { type: "finish", finishReason, usage: usageOf(usage) };
  return undefined;
}

/** The server sends a call at once, when it is whole. */
function* callParts({
  id,
  function: { name, arguments: input },
}: CalledFunction): Generator<LanguageModelV3StreamPart> {
  yield { type: "tool-input-start", id, toolName: name };
  yield { type: "tool-input-delta", id, delta: input };
  yield { type: "tool-input-end", id };
  yield { type: "tool-call", toolCallId: id, toolName: name, input };
}

/** The data of server-sent events, up to `[DONE]`. */
async function* eventsOf(body: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  const reader = body.getReader();
  let rest = "";
  try {
    for (let read = await reader.read(); !read.done; read = await reader.read()) {
      const events = (rest + decoder.decode(read.value, { stream: true })).split("\n\n");
      rest = events.pop()!;
      for (const event of events) {
        const data = event.replace(/^event: .*\n/, "").replace(/^data: /, "");
        if (data !== "[DONE]") yield data;
      }
    }
  } finally {
    reader.releaseLock();
  }
}
