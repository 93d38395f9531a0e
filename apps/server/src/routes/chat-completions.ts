/** POST /v1/chat/completions: OpenAI's chats, whole or streamed. */
import { randomUUID } from "node:crypto";
import { holdCalls } from "../chat/held-calls.ts";
import { callable, mustCall, patternOfChat, type ToolCall, toolCallIn } from "../chat/tool-calls.ts";
import type { GenerateRequest, Prompt, TokenPiece } from "../engine/protocol.ts";
import { ApiError } from "../errors.ts";
import { eventStream } from "../http/event-stream.ts";
import { readBody } from "../http/read-body.ts";
import { requireModel, type ServerState } from "../http/server-state.ts";
import { type ChatParameters, chatSchema } from "../schemas/chat.ts";
import { collectChoices, commonFields, createUsage, startGeneration, tokenText } from "./generation.ts";

/** Answers a request. Throws an ApiError for one that cannot be served. */
export async function chatCompletions(request: Request, state: ServerState): Promise<Response> {
  const parameters = await readBody(request, { schema: chatSchema, maxBytes: state.maxBodyBytes });
  const model = await requireModel(state, parameters.model);
  const wanted = chatRequest(parameters);
  const { promptTokens, pieces, cancel } = await startGeneration(state, model, {
    request: wanted,
    signal: request.signal,
  });
  const head = {
    id: `chatcmpl-${randomUUID()}`,
    object: parameters.stream ? "chat.completion.chunk" : "chat.completion",
    created: Math.floor(Date.now() / 1000),
    model: model.name,
  };
  const logprobsOf = (tokens: readonly TokenPiece[]) =>
    wanted.logProbabilities === null ? null : chatLogprobs(tokens);
  const usage = createUsage(promptTokens);
  const tools = callable(parameters);
  if (parameters.stream) {
    const wantsUsage = parameters.stream_options?.include_usage === true;
    const rest = wantsUsage ? { usage: null } : {};
    const chunk = (index: number, delta: object, finish_reason: string | null, logprobs: object | null = null) => ({
      ...head,
      choices: [{ index, delta, logprobs, finish_reason }],
      ...rest,
    });
    const held = holdCalls(tools);
    async function* chunks() {
      const content = mustCall(parameters) ? null : "";
      for (let index = 0; index < wanted.n; index++) yield chunk(index, { role: "assistant", content }, null);
      for await (const piece of pieces) {
        usage.add(piece);
        const { choice, text, tokens, finishReason, call } =
          tools.length > 0 ? held.add(piece) : { ...piece, call: null };
        if (call) yield chunk(choice, { tool_calls: [{ index: 0, ...call }] }, null);
        else if (text !== "" || tokens.length > 0) yield chunk(choice, { content: text }, null, logprobsOf(tokens));
        if (finishReason) yield chunk(choice, {}, call ? "tool_calls" : finishReason);
      }
      if (wantsUsage) yield { ...head, choices: [], usage: usage.total };
    }
    return eventStream(chunks(), { onCancel: cancel });
  }
  const choices = await collectChoices(pieces, { count: wanted.n, usage });
  return Response.json({
    ...head,
    choices: choices.map(({ text, tokens, reason }, index) => {
      const call = toolCallIn(text, tools);
      return {
        index,
        message: {
          role: "assistant",
          content: call ? null : text,
          refusal: null,
          ...(call && { tool_calls: [call] }),
        },
        logprobs: logprobsOf(tokens),
        finish_reason: call ? "tool_calls" : reason,
      };
    }),
    usage: usage.total,
  });
}

/** Log-probabilities in the shape of chats. */
function chatLogprobs(tokens: readonly TokenPiece[]) {
  const one = (bytes: number[], logprob: number) => ({ token: tokenText(bytes), logprob, bytes });
  return {
    content: tokens.map(({ bytes, logProbability, alternatives }) => ({
      ...one(bytes, logProbability!),
      top_logprobs: alternatives.map((alternative) => one(alternative.bytes, alternative.logProbability)),
    })),
    refusal: null,
  };
}

/** The prompt of a chat: contents in parts are joined, and nothing that is null is passed on. */
export function chatPrompt({
  messages,
  chat_template_kwargs: variables,
  tools,
}: Pick<ChatParameters, "messages" | "chat_template_kwargs" | "tools">): Prompt {
  return {
    kind: "chat",
    messages: messages.map(({ content, tool_calls: calls, ...message }) => ({
      ...(Object.fromEntries(Object.entries(message).filter(([, value]) => value != null)) as { role: string }),
      content: typeof content === "string" ? content : (content ?? []).map(({ text }) => text).join(""),
      ...(calls && { tool_calls: calls.map(withParsedArguments) }),
    })),
    variables: { ...(tools?.length && { tools }), ...variables },
  };
}

/** Templates expect the arguments of a call as an object, where OpenAI has a text. */
function withParsedArguments(call: ToolCall): object {
  try {
    return { ...call, function: { ...call.function, arguments: JSON.parse(call.function.arguments) as unknown } };
  } catch {
    return call;
  }
}

/** What the engine is asked for. Throws an ApiError for parameters that contradict each other. */
export function chatRequest(parameters: ChatParameters): GenerateRequest {
  const { logprobs, top_logprobs: alternatives } = parameters;
  if (alternatives && !logprobs) {
    throw new ApiError("top_logprobs: needs logprobs: true", { status: 400, param: "top_logprobs" });
  }
  return {
    ...commonFields(parameters),
    prompts: [chatPrompt(parameters)],
    maxTokens: parameters.max_completion_tokens ?? parameters.max_tokens ?? null,
    logProbabilities: logprobs ? (alternatives ?? 0) : null,
    echo: false,
    pattern: patternOfChat(parameters),
  };
}
