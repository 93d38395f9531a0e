/** The engine of a thread: loads a model, decodes what it is asked for in one batch, and answers in messages. */
import { explainText, isExplainable } from "@megatron-ts/explain";
import {
  createBatch,
  createConstraintFactory,
  type DecodingBatch,
  encodePrompts,
  fillMasks,
  GenerateError,
  prefixTokens,
  type SequenceEvent,
  skippedTokens,
} from "@megatron-ts/generate";
import { longestSequence } from "@megatron-ts/model";
import { createTokenBytes } from "@megatron-ts/tokenizer";
import * as tf from "@tensorflow/tfjs";
import { type ChatTemplate, createChatTemplate } from "../chat/chat-template.ts";
import { ApiError } from "../errors.ts";
import { type Choice, type ChoiceContext, createChoice, tokenPiece } from "./choice.ts";
import { embed } from "./embed.ts";
import type { EmbeddingSettings } from "./embedding-settings.ts";
import { loadServedModel, type ServedModel } from "./load-served-model.ts";
import { createPassageSearch } from "./passages.ts";
import { predictRows } from "./predict.ts";
import type {
  EngineData,
  EngineFailure,
  EngineMessage,
  EngineRequest,
  GenerateRequest,
  ModelInfo,
  Piece,
  Prompt,
} from "./protocol.ts";
import { servedTasks } from "./served-tasks.ts";

/** A choice that is being generated. */
interface Running {
  id: number;
  index: number;
  choice: Choice;
  /** The prompt, if it is to be repeated before the text. */
  echo: { text: string; tokens: readonly number[] } | null;
}

/** An engine that has loaded its model. */
export interface Engine {
  info: ModelInfo;
  /** Handles a message; answers come later. */
  handle(request: EngineRequest): void;
}

const failureOf = (error: unknown): EngineFailure => {
  if (error instanceof ApiError) return { message: error.message, ...error.fields };
  const { message, userError } = error as Error & { userError?: boolean };
  return { message, status: userError ? 400 : 500 };
};

/** Loads the model and starts. `send` posts a message to the HTTP thread. The backend must have been started. */
export async function createEngine(data: EngineData, send: (message: EngineMessage) => void): Promise<Engine> {
  const served = await loadServedModel(data.checkpoint, data);
  const { model, tokenizer, prediction, bidirectionalPrompt, chatTemplate } = served;
  const template = chatTemplate === null ? null : createChatTemplate(chatTemplate, served);
  const passages = await createPassageSearch(served, data.data);
  const { maxSequences, cacheTokens } = data;
  const { numBytes: before } = tf.memory();
  const batch = prediction && createBatch(model, { prediction, bidirectionalPrompt, maxSequences, cacheTokens });
  const cacheBytes = tf.memory().numBytes - before;
  const context: ChoiceContext = {
    tokenizer,
    skipped: skippedTokens(tokenizer),
    bytesOf: createTokenBytes(tokenizer),
  };
  const constraints = createConstraintFactory(tokenizer);
  const running = new Map<number, Running>();
  let isDecoding = false;

  function generate(own: DecodingBatch, id: number, request: GenerateRequest) {
    const encoded = request.prompts.map((prompt) => encodePrompt(served, template, prompt));
    const constraint = request.pattern ? constraints.create(request.pattern) : undefined;
    const sequences: number[] = [];
    try {
      for (const [promptIndex, { tokens, text }] of encoded.entries()) {
        for (let stream = 0; stream < request.n; stream++) {
          const sequence = own.add({ ...sequenceOf(served, request, { tokens, stream }), constraint });
          sequences.push(sequence);
          const continued = prediction === "sequence-to-sequence" ? [] : tokens;
          const choice = createChoice(context, { prompt: continued, stop: request.stop });
          const echo = request.echo ? { text, tokens } : null;
          running.set(sequence, { id, index: promptIndex * request.n + stream, choice, echo });
        }
      }
    } catch (error) {
      for (const sequence of sequences) remove(sequence);
      throw error;
    }
    send({ type: "accepted", id, promptTokens: encoded.map(({ tokens }) => tokens.length) });
    startDecoding(own);
  }

  function remove(sequence: number) {
    batch?.remove(sequence);
    running.delete(sequence);
  }

  function removeAll(id: number) {
    for (const [sequence, one] of [...running]) if (one.id === id) remove(sequence);
  }

  function pieceOf(event: SequenceEvent, { id, index, choice, echo }: Running): Piece {
    const { text, tokens, finishReason, stopped } = choice.push(event);
    if (stopped || finishReason) remove(event.sequence);
    const repeated = event.reusedTokens === undefined ? null : echo;
    const scores = repeated && event.promptScores;
    return {
      id,
      choice: index,
      text: (repeated?.text ?? "") + text,
      tokens: [
        ...(scores ? repeated.tokens.map((token, i) => tokenPiece(token, scores[i] ?? null, context)) : []),
        ...tokens,
      ],
      generatedTokens: choice.generatedTokens,
      finishReason,
    };
  }

  function step(own: DecodingBatch) {
    const pieces: Piece[] = [];
    let [promptTokens, reusedTokens] = [0, 0];
    for (const event of own.step()) {
      const one = running.get(event.sequence);
      // Removed by an earlier event of this step.
      if (!one) continue;
      if (event.reusedTokens !== undefined) {
        reusedTokens += event.reusedTokens;
        promptTokens++;
      }
      if (event.error) {
        removeAll(one.id);
        send({ type: "refused", id: one.id, failure: failureOf(event.error) });
        continue;
      }
      const piece = pieceOf(event, one);
      // Text that is held back comes with a later piece; without any there is nothing to say, but that a token came.
      pieces.push(piece);
    }
    const load = { running: own.running, waiting: own.waiting, cacheUsage: own.cacheUsage };
    send({ type: "pieces", pieces, load, promptTokens, reusedTokens });
  }

  /** Decodes until there is nothing left, and lets messages in between tokens. */
  function startDecoding(own: DecodingBatch) {
    if (isDecoding) return;
    isDecoding = true;
    const turn = () => {
      step(own);
      if (own.running + own.waiting > 0) setImmediate(turn);
      else isDecoding = false;
    };
    setImmediate(turn);
  }

  /** Embeds one text after another, with turns for what else there is to do in between. */
  async function embedAll(id: number, prompts: readonly Prompt[]) {
    const { embedding } = served;
    if (embedding instanceof Error) throw new ApiError(embedding.message, { status: 400 });
    const encoded = prompts.map((prompt) => textTokens(served, embedding, prompt));
    const vectors: Float32Array[] = [];
    for (const tokens of encoded) {
      vectors.push(embed(model, tokens, embedding));
      await new Promise((resolve) => setImmediate(resolve));
    }
    send({ type: "embedded", id, vectors, promptTokens: encoded.reduce((sum, { length }) => sum + length, 0) });
  }

  function answer(request: Exclude<EngineRequest, { type: "cancel" }>) {
    const { id } = request;
    if (request.type === "generate") {
      if (!batch) throw new ApiError("this model does not generate text: it fills masks", { status: 400 });
      generate(batch, id, request.request);
    } else if (request.type === "tokenize") {
      const { prompt, addSpecialTokens } = request;
      const tokens =
        prompt.kind === "text" && !addSpecialTokens
          ? [...tokenizer.encode(prompt.text, { addSpecialTokens: false, splitSpecialTokens: true })]
          : encodePrompt(served, template, prompt).tokens;
      send({ type: "tokens", id, tokens, texts: tokens.map((token) => tokenizer.idToToken(token) ?? "") });
    } else if (request.type === "embed") {
      embedAll(id, request.prompts).catch((error) => send({ type: "refused", id, failure: failureOf(error) }));
    } else if (request.type === "fill") {
      send({ type: "filled", id, filled: fillMasks(served, request.texts, { topK: request.topK }) });
    } else if (request.type === "predict") {
      predictRows(served, request).then(
        (found) => send({ type: "predicted", id, ...found }),
        (error) => send({ type: "refused", id, failure: failureOf(error) }),
      );
    } else if (request.type === "passages") {
      if (!passages) throw new ApiError("this server shows no training data: start it with --data", { status: 400 });
      passages(request.text, request).then(
        (found) => send({ type: "passages", id, passages: found }),
        (error) => send({ type: "refused", id, failure: failureOf(error) }),
      );
    } else if (request.type === "explain") {
      send({ type: "explained", id, explanation: explainText(served, request.text, request.options) });
    } else {
      checkTokens(request.tokens, tokenizer.vocabularySize);
      send({ type: "text", id, text: tokenizer.decode(request.tokens) });
    }
  }

  const longest = longestSequence(model.config);
  return {
    info: {
      maxTokens: longest,
      vocabularySize: tokenizer.vocabularySize,
      cacheBytes,
      endOfText: tokenizer.endOfText ?? null,
      generates: batch !== null,
      continues: prediction !== "sequence-to-sequence",
      chats: template !== null,
      tasks: servedTasks(served),
      explains: isExplainable(model),
      findsPassages: passages !== null,
    },
    handle(request) {
      if (request.type === "cancel") return removeAll(request.id);
      try {
        answer(request);
      } catch (error) {
        send({ type: "refused", id: request.id, failure: failureOf(error) });
      }
    },
  };
}

function checkTokens(tokens: readonly number[], vocabularySize: number) {
  const unknown = tokens.find((token) => token >= vocabularySize);
  if (unknown === undefined) return;
  throw new ApiError(`token ${unknown} is not in the vocabulary: expected 0 to ${vocabularySize - 1}`, { status: 400 });
}

/** A prompt's tokens, and its text to repeat. */
function encodePrompt(
  { model, tokenizer, prediction, stopTokens, startToken, frame }: ServedModel,
  template: ChatTemplate | null,
  prompt: Prompt,
): { tokens: number[]; text: string } {
  if (prompt.kind === "tokens") {
    checkTokens(prompt.tokens, tokenizer.vocabularySize);
    return { tokens: prompt.tokens, text: tokenizer.decode(prompt.tokens, { skipSpecialTokens: true }) };
  }
  if (prompt.kind === "chat") {
    if (!template) {
      throw new ApiError(
        "this model has no chat template: use /v1/completions, or start the server with --chat-template",
        { status: 400, param: "messages" },
      );
    }
    return { tokens: template.encode(prompt.messages, prompt.variables), text: "" };
  }
  const { text } = prompt;
  if (!prediction) return { tokens: [...tokenizer.encode(text, { splitSpecialTokens: true })], text };
  const { prompts } = encodePrompts({ model, tokenizer }, [text], { prediction, stopTokens, startToken, frame });
  return { tokens: [...prompts[0]!], text };
}

/** The tokens of a text to embed: with the special tokens around it that the model expects, but none for its end. */
function textTokens(
  { tokenizer, prediction }: ServedModel,
  { sentenceTransformers, prompt: before }: EmbeddingSettings,
  prompt: Prompt,
): number[] {
  if (prompt.kind === "tokens") {
    checkTokens(prompt.tokens, tokenizer.vocabularySize);
    return prompt.tokens;
  }
  if (prompt.kind !== "text") throw new ApiError("chats are not embedded", { status: 400 });
  const isCausal = prediction === "causal" && !sentenceTransformers;
  const tokens = tokenizer.encode(before + prompt.text, { addSpecialTokens: !isCausal, splitSpecialTokens: true });
  return isCausal ? [...prefixTokens(tokenizer), ...tokens] : [...tokens];
}

function sequenceOf(
  { model, tokenizer, prediction, stopTokens, startToken, frame }: ServedModel,
  { maxTokens, sampling, seed, stopTokens: given, ignoreEnd, logProbabilities, echo }: GenerateRequest,
  { tokens, stream }: { tokens: number[]; stream: number },
) {
  const longest = longestSequence(model.config);
  const special = encodePrompts({ model, tokenizer }, [], { prediction: prediction!, stopTokens, startToken, frame });
  const continues = prediction !== "sequence-to-sequence";
  if (continues && maxTokens !== null && tokens.length + maxTokens > longest + 1) {
    throw new ApiError(
      `the prompt has ${tokens.length} tokens and ${maxTokens} more are asked for, but the model takes at most ` +
        `${longest} together: shorten the prompt or ask for fewer`,
      { status: 400, param: "max_tokens", code: "context_length_exceeded" },
    );
  }
  if (tokens.length > longest) {
    throw new ApiError(`the prompt has ${tokens.length} tokens, but the model takes at most ${longest}: shorten it`, {
      status: 400,
      code: "context_length_exceeded",
    });
  }
  const room = continues ? longest - tokens.length + 1 : longest;
  if (maxTokens === null && !Number.isFinite(room)) {
    throw new GenerateError("max_tokens is needed: the model has no longest sequence");
  }
  return {
    ...sampling,
    prompt: tokens,
    maxTokens: maxTokens ?? room,
    seed,
    stream,
    stopTokens: [...(ignoreEnd ? [] : special.stopTokens), ...given],
    startToken: special.startToken,
    ...(logProbabilities !== null && { logProbabilities, scorePrompt: echo }),
  };
}
