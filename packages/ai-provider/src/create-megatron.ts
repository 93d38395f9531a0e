/** The provider: a function from a model's name to a language model of the AI SDK. */
import { APICallError, type LanguageModelV3, type LanguageModelV3CallOptions } from "@ai-sdk/provider";
import { type Completion, contentOf, finishReasonOf, usageOf } from "./answer.ts";
import { requestOf } from "./request.ts";
import { streamParts } from "./stream-parts.ts";

/** Where the server is, and what is sent with every request. */
export interface MegatronOptions {
  /** The address of the server's API. Default: http://127.0.0.1:8000/v1. */
  baseURL?: string;
  /** The server's key, if it needs one. */
  apiKey?: string;
  headers?: Record<string, string>;
  /** In place of the global `fetch`. */
  fetch?: typeof globalThis.fetch;
}

/**
 * Creates the provider. A model rejects with an APICallError for what the server refuses, and with one that the AI SDK retries where
 * no server answers.
 */
export function createMegatron(options: MegatronOptions = {}): (modelId: string) => LanguageModelV3 {
  const { baseURL = "http://127.0.0.1:8000/v1", apiKey, fetch = globalThis.fetch } = options;
  const url = `${baseURL.replace(/\/+$/, "")}/chat/completions`;

  async function post(body: object, { headers, abortSignal }: LanguageModelV3CallOptions): Promise<Response> {
    const given = Object.entries(headers ?? {}).filter((entry): entry is [string, string] => entry[1] !== undefined);
    const sent = fetch(url, {
      method: "POST",
      headers: {
        "Content-Type": "application/json",
        ...(apiKey !== undefined && { Authorization: `Bearer ${apiKey}` }),
        ...options.headers,
        ...Object.fromEntries(given),
      },
      body: JSON.stringify(body),
      signal: abortSignal,
    });
    const response = await sent.catch((cause: unknown) => {
      // Of what fetch rejects with, only this is about the network.
      if (!(cause instanceof TypeError) || cause.cause === undefined) throw cause;
      const message = `no server answers at ${url}: ${(cause.cause as Error).message}`;
      throw new APICallError({ message, cause, url, requestBodyValues: body, isRetryable: true });
    });
    if (response.ok) return response;
    const text = await response.text();
    throw new APICallError({
      message: messageIn(text) ?? `the server answered with status ${response.status}`,
      url,
      requestBodyValues: body,
      statusCode: response.status,
      responseHeaders: Object.fromEntries(response.headers),
      responseBody: text,
    });
  }

  return (modelId) => ({
    specificationVersion: "v3",
    provider: "megatron",
    modelId,
    supportedUrls: {},
    async doGenerate(call) {
      const { body, warnings } = requestOf(modelId, call);
      const response = await post(body, call);
      const answer = (await response.json()) as Completion;
      const { id, created, model, usage } = answer;
      const [choice] = answer.choices;
      return {
        content: contentOf(choice!.message),
        finishReason: finishReasonOf(choice!.finish_reason),
        usage: usageOf(usage),
        warnings,
        request: { body },
        response: { id, timestamp: new Date(1000 * created), modelId: model, body: answer },
      };
    },
    async doStream(call) {
      const { body, warnings } = requestOf(modelId, call);
      const sent = { ...body, stream: true, stream_options: { include_usage: true } };
      const response = await post(sent, call);
      return {
        stream: streamParts(response.body!, { warnings, raw: call.includeRawChunks === true }),
        request: { body: sent },
      };
    },
  });
}

/** The message of an error in OpenAI's shape. */
function messageIn(text: string): string | undefined {
  try {
    return (JSON.parse(text) as { error?: { message?: string } }).error?.message;
  } catch {
    return undefined;
  }
}
