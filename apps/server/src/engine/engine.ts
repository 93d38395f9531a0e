/** The engine of a thread: loads a model, decodes what it and its adapters are asked for, and answers in messages. */
import { explainText, isExplainable } from "@megatron-ts/explain";
import { createBatches, createConstraintFactory, fillMasks, skippedTokens } from "@megatron-ts/generate";
import { longestSequence } from "@megatron-ts/model";
import { loadDraft } from "@megatron-ts/tasks";
import { createTokenBytes } from "@megatron-ts/tokenizer";
import * as tf from "@tensorflow/tfjs";
import { type ChatTemplate, createChatTemplate } from "../chat/chat-template.ts";
import { ApiError } from "../errors.ts";
import type { ChoiceContext } from "./choice.ts";
import { createDecoder, type Decoder } from "./decoder.ts";
import { createDraftCounts } from "./draft-counts.ts";
import { embed } from "./embed.ts";
import { loadServedModel, type ServedModel } from "./load-served-model.ts";
import { createOutbox } from "./outbox.ts";
import { createPassageSearch, type PassageSearch } from "./passages.ts";
import { predictRows } from "./predict.ts";
import { checkTokens, encodePrompt, plainTokens, textTokens } from "./prompts.ts";
import type {
  EngineData,
  EngineFailure,
  EngineLoad,
  EngineMessage,
  EngineRequest,
  ModelInfo,
  ModelRequest,
  Prompt,
} from "./protocol.ts";
import { servedTasks } from "./served-tasks.ts";

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

/** The model as it was loaded, or with one of its adapters. */
interface Variant {
  served: ServedModel;
  template: ChatTemplate | null;
  /** Null for a model that does not generate text. */
  decoder: Decoder | null;
}

/** Loads the model and starts. `send` posts a message to the HTTP thread. The backend must have been started. */
export async function createEngine(data: EngineData, send: (message: EngineMessage) => void): Promise<Engine> {
  const { served: base, adapted, bytes } = await loadServedModel(data.checkpoint, data);
  const { tokenizer, prediction, bidirectionalPrompt } = base;
  const served = new Map<string | null, ServedModel>([[null, base], ...adapted]);
  const passages = await createPassageSearch(base, data.data);
  const { maxSequences, cacheTokens } = data;
  const draftCounts = createDraftCounts();
  const draft = data.draft && {
    model: await loadDraft(data.draft.checkpoint, { tokenizer, precision: data.precision }),
    tokens: data.draft.tokens,
    onDraft: draftCounts.add,
  };
  const { numBytes: before } = tf.memory();
  const models = [...served.values()].map(({ model }) => model);
  const shape = { prediction: prediction ?? undefined, bidirectionalPrompt, maxSequences, cacheTokens, draft };
  const batches = prediction && data.decodes ? createBatches(models, shape) : [];
  const cacheBytes = bytes + tf.memory().numBytes - before;
  const context: ChoiceContext = {
    tokenizer,
    skipped: skippedTokens(tokenizer),
    bytesOf: createTokenBytes(tokenizer),
  };
  const constraints = createConstraintFactory(tokenizer);
  const variants = new Map(
    [...served].map(([name, own], index): [string | null, Variant] => {
      const template = own.chatTemplate === null ? null : createChatTemplate(own.chatTemplate, own);
      const batch = batches[index];
      const parts = { served: own, template, context, createConstraint: constraints.create };
      return [name, { served: own, template, decoder: batch ? createDecoder({ ...parts, batch }) : null }];
    }),
  );
  const outbox = createOutbox((message) =>
    send(message.type === "pieces" ? { ...message, drafts: draftCounts.take() } : message),
  );
  let isDecoding = false;

  /** Decodes until there is nothing left, and lets messages in between tokens. */
  function startDecoding() {
    if (isDecoding) return;
    isDecoding = true;
    const turn = () => {
      for (const [index, { decoder }] of [...variants.values()].entries()) {
        const { running, waiting } = batches[index]!;
        if (running + waiting > 0) step(decoder!);
      }
      if (batches.some(({ running, waiting }) => running + waiting > 0)) setImmediate(turn);
      else isDecoding = false;
    };
    setImmediate(turn);
  }

  function step(decoder: Decoder) {
    const { refused, ...done } = decoder.step();
    if (refused.length > 0) outbox.flush();
    for (const { id, error } of refused) send({ type: "refused", id, failure: failureOf(error) });
    outbox.add(done, currentLoad());
  }

  const currentLoad = (): EngineLoad => ({
    running: batches.reduce((sum, batch) => sum + batch.running, 0),
    waiting: batches.reduce((sum, batch) => sum + batch.waiting, 0),
    cacheUsage: Math.max(0, ...batches.map((batch) => batch.cacheUsage)),
  });

  function shownData(): PassageSearch {
    if (passages) return passages;
    throw new ApiError("this server shows no training data: start it with --data", { status: 400 });
  }

  /** Embeds one text after another, with turns for what else there is to do in between. */
  async function embedAll(id: number, { model, ...own }: ServedModel, prompts: readonly Prompt[]) {
    const { embedding } = own;
    if (embedding instanceof Error) throw new ApiError(embedding.message, { status: 400 });
    const encoded = prompts.map((prompt) => textTokens({ model, ...own }, embedding, prompt));
    const vectors: Float32Array[] = [];
    for (const tokens of encoded) {
      vectors.push(embed(model, tokens, embedding));
      await new Promise((resolve) => setImmediate(resolve));
    }
    send({ type: "embedded", id, vectors, promptTokens: encoded.reduce((sum, { length }) => sum + length, 0) });
  }

  function answer(request: ModelRequest) {
    const { id } = request;
    const { served: own, template, decoder } = variants.get(request.adapter)!;
    const refuse = (error: unknown) => send({ type: "refused", id, failure: failureOf(error) });
    if (request.type === "generate") {
      if (!decoder) throw new ApiError("this model does not generate text: it fills masks", { status: 400 });
      send({ type: "accepted", id, promptTokens: decoder.generate(id, request.request) });
      startDecoding();
    } else if (request.type === "tokenize") {
      const { prompt, addSpecialTokens } = request;
      const isPlain = prompt.kind === "text" && !addSpecialTokens;
      const tokens = isPlain ? plainTokens(tokenizer, prompt.text) : encodePrompt(own, template, prompt).tokens;
      send({ type: "tokens", id, tokens, texts: tokens.map((token) => tokenizer.idToToken(token) ?? "") });
    } else if (request.type === "embed") {
      embedAll(id, own, request.prompts).catch(refuse);
    } else if (request.type === "fill") {
      send({ type: "filled", id, filled: fillMasks(own, request.texts, { topK: request.topK }) });
    } else if (request.type === "predict") {
      predictRows(own, request).then((found) => send({ type: "predicted", id, ...found }), refuse);
    } else if (request.type === "passages") {
      shownData()
        .nearest(request.text, request)
        .then((found) => send({ type: "passages", id, passages: found }), refuse);
    } else if (request.type === "neurons") {
      shownData()
        .neurons(own, request)
        .then((found) => send({ type: "neurons", id, found }), refuse);
    } else if (request.type === "explain") {
      send({ type: "explained", id, explanation: explainText(own, request.text, request.options) });
    } else {
      checkTokens(request.tokens, tokenizer.vocabularySize);
      send({ type: "text", id, text: tokenizer.decode(request.tokens) });
    }
  }

  const infoOf = ({ served: own, template, decoder }: Variant): ModelInfo => ({
    maxTokens: longestSequence(own.model.config),
    vocabularySize: tokenizer.vocabularySize,
    cacheBytes,
    endOfText: tokenizer.endOfText ?? null,
    tokenizer: own.tokenizerInfo,
    generates: decoder !== null,
    continues: prediction !== "sequence-to-sequence",
    chats: template !== null,
    tasks: servedTasks(own),
    explains: isExplainable(own.model),
    findsPassages: passages !== null,
  });
  return {
    info: infoOf(variants.get(null)!),
    handle(request) {
      if (request.type === "taken") return outbox.taken();
      if (request.type === "cancel") {
        for (const { decoder } of variants.values()) decoder?.remove(request.id);
        // There may be no further step that says so.
        return outbox.add({ pieces: [], promptTokens: 0, reusedTokens: 0 }, currentLoad());
      }
      try {
        answer(request);
      } catch (error) {
        send({ type: "refused", id: request.id, failure: failureOf(error) });
      }
    },
  };
}
