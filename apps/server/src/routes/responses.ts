/** POST /v1/responses: OpenAI's newer API, its stateless core, whole or streamed. */
import { holdCalls } from "../chat/held-calls.ts";
import { callable, toolCallIn } from "../chat/tool-calls.ts";
import type { Piece } from "../engine/protocol.ts";
import { eventStream } from "../http/event-stream.ts";
import { readBody } from "../http/read-body.ts";
import { requireModel, type ServerState } from "../http/server-state.ts";
import { asChat, withResponseNames } from "../responses/as-chat.ts";
import {
  callItem,
  createResponse,
  messageItem,
  type OutputItem,
  outputText,
  startMessage,
} from "../responses/response-object.ts";
import type { ChatParameters } from "../schemas/chat.ts";
import { responseSchema } from "../schemas/response.ts";
import { chatRequest } from "./chat-completions.ts";
import { collectChoices, createUsage, startGeneration } from "./generation.ts";

/** Answers a request. Throws an ApiError for one that cannot be served. */
export async function responses(request: Request, state: ServerState): Promise<Response> {
  const parameters = await readBody(request, { schema: responseSchema, maxBytes: state.maxBodyBytes });
  const model = await requireModel(state, parameters.model);
  const chat = asChat(parameters);
  const { promptTokens, pieces, cancel } = await startGeneration(state, model, {
    request: chatRequest(chat),
    signal: request.signal,
  }).catch((error: unknown) => {
    throw withResponseNames(error);
  });
  const response = createResponse(parameters, { model: model.name, promptTokens });
  if (parameters.stream) {
    const events = numbered(streamResponse(pieces, { response, tools: callable(chat), promptTokens }));
    return eventStream(events, { onCancel: cancel, named: true });
  }
  const usage = createUsage(promptTokens);
  const [choice] = await collectChoices(pieces, { count: 1, usage });
  const { text, reason } = choice!;
  const call = toolCallIn(text, callable(chat));
  const isCut = reason === "length";
  const item = call ? callItem(call) : messageItem(startMessage(), { text, isCut });
  return Response.json(response.ended([item], { isCut, outputTokens: usage.total.completion_tokens }));
}

/** An event of a stream. */
interface ResponseEvent {
  type: string;
  [field: string]: unknown;
}

interface StreamOptions {
  response: ReturnType<typeof createResponse>;
  tools: NonNullable<ChatParameters["tools"]>;
  promptTokens: number;
}

async function* streamResponse(
  pieces: AsyncIterable<Piece>,
  { response, tools, promptTokens }: StreamOptions,
): AsyncGenerator<ResponseEvent> {
  yield { type: "response.created", response: response.started };
  yield { type: "response.in_progress", response: response.started };
  const held = holdCalls(tools);
  const usage = createUsage(promptTokens);
  const message = startMessage();
  const place = { output_index: 0, item_id: message.id, content_index: 0 };
  let text = "";
  let isOpen = false;
  let item: OutputItem | null = null;
  let isCut = false;
  function* open(): Generator<ResponseEvent> {
    if (isOpen) return;
    isOpen = true;
    yield { type: "response.output_item.added", output_index: 0, item: message };
    yield { type: "response.content_part.added", ...place, part: outputText("") };
  }
  for await (const piece of pieces) {
    usage.add(piece);
    const { text: more, finishReason, call } = tools.length > 0 ? held.add(piece) : { ...piece, call: null };
    if (finishReason) isCut = finishReason === "length";
    if (call) {
      item = callItem(call);
      yield* callEvents(item);
    } else if (more !== "") {
      yield* open();
      text += more;
      yield { type: "response.output_text.delta", ...place, delta: more, logprobs: [] };
    }
  }
  if (!item) {
    yield* open();
    item = messageItem(message, { text, isCut });
    yield { type: "response.output_text.done", ...place, text, logprobs: [] };
    yield { type: "response.content_part.done", ...place, part: outputText(text) };
    yield { type: "response.output_item.done", output_index: 0, item };
  }
  const whole = response.ended([item], { isCut, outputTokens: usage.total.completion_tokens });
  yield { type: isCut ? "response.incomplete" : "response.completed", response: whole };
}

function* callEvents(item: OutputItem): Generator<ResponseEvent> {
  if (item.type !== "function_call") return;
  const place = { output_index: 0, item_id: item.id };
  yield {
    type: "response.output_item.added",
    output_index: 0,
    item: { ...item, status: "in_progress", arguments: "" },
  };
  yield { type: "response.function_call_arguments.delta", ...place, delta: item.arguments };
  yield { type: "response.function_call_arguments.done", ...place, name: item.name, arguments: item.arguments };
  yield { type: "response.output_item.done", output_index: 0, item };
}

async function* numbered(
  events: AsyncIterable<ResponseEvent>,
): AsyncGenerator<ResponseEvent & { sequence_number: number }> {
  let number = 0;
  for await (const event of events) yield { ...event, sequence_number: number++ };
}
