/** The engine as the HTTP thread sees it: asks the engine's thread, and hands out what it answers. */
import { Worker } from "node:worker_threads";
import type { ExplainTextOptions, Explanation } from "@megatron-ts/explain";
import type { NeuronPassages, TrainingPassages } from "@megatron-ts/explain/passages";
import type { FilledText } from "@megatron-ts/generate";
import type { Prediction } from "@megatron-ts/tasks";
import { ApiError } from "../errors.ts";
import type { DraftCounts } from "./draft-counts.ts";
import type {
  EngineData,
  EngineFailure,
  EngineLoad,
  EngineMessage,
  EngineRequest,
  GenerateRequest,
  ModelInfo,
  ModelRequest,
  Piece,
  Prompt,
} from "./protocol.ts";

/** A generation in progress: its pieces in order, until every choice has ended. */
interface Generation extends AsyncIterable<Piece> {
  /** Tokens of each prompt. Rejects with an ApiError for a request that cannot be served. */
  readonly promptTokens: Promise<number[]>;
  /** Ends it. Its pieces stop. */
  cancel(): void;
}

/** What an engine did in a step, for metrics. */
export interface EngineStep {
  load: EngineLoad;
  pieces: readonly Piece[];
  /** Prompts that were read in this step, and their tokens that needed no computation. */
  promptsRead: number;
  reusedTokens: number;
  /** What became of a draft's proposals; null without any. */
  drafts: DraftCounts | null;
}

/** What the model of an engine can be asked for, as it is or with an adapter. */
export interface EngineRequests {
  /** Choices that have not ended, of the engine. */
  readonly pending: number;
  generate(request: GenerateRequest): Generation;
  tokenize(prompt: Prompt, options: { addSpecialTokens: boolean }): Promise<{ tokens: number[]; texts: string[] }>;
  detokenize(tokens: number[]): Promise<string>;
  /** One vector for each prompt, of length 1. */
  embed(prompts: Prompt[]): Promise<{ vectors: Float32Array[]; promptTokens: number }>;
  /** Fills the masks of texts. */
  fill(texts: string[], topK: number): Promise<FilledText[]>;
  /** Explains what the model says about a text. */
  explain(text: string, options: ExplainTextOptions): Promise<Explanation>;
  /** What in the training data is nearest to a text. */
  passages(text: string, options: { topK: number }): Promise<TrainingPassages>;
  /** What in the training data makes a neuron most active. */
  neurons(options: { layer: number; neuron: number; topK: number }): Promise<NeuronPassages>;
  /** Predictions for rows by one of these tasks, and which it was. */
  predict(
    tasks: readonly string[],
    rows: Readonly<Record<string, string>>[],
  ): Promise<{ task: string; predictions: Prediction[] }>;
}

/** An engine in a thread of its own. */
export interface EngineClient {
  /** Resolves when the model is loaded; rejects if it cannot be, or the thread ends. */
  readonly ready: Promise<ModelInfo>;
  /** Rejects if the thread fails or ends; never resolves. */
  readonly failed: Promise<never>;
  /** Null until then. */
  readonly info: ModelInfo | null;
  /** Requests of any kind that have not been answered to the end. */
  readonly active: number;
  /** Resolves when there are none. */
  whenIdle(): Promise<void>;
  /** Asks the model with an adapter; null for the model as it is. */
  requests(adapter: string | null): EngineRequests;
  close(): Promise<void>;
}

type Answer = Exclude<EngineMessage, { type: "ready" | "failed" | "pieces" }>;

interface Listener {
  answer(message: Answer): void;
  piece?(piece: Piece): void;
  fail(error: Error): void;
}

const apiError = ({ message, status = 500, ...fields }: EngineFailure) => new ApiError(message, { status, ...fields });

/** A request without its number. */
type Unnumbered<T> = T extends { id: number } ? Omit<T, "id" | "adapter"> : never;

/** Starts the thread. `onStep` is called for every step of the engine. */
export function startEngineClient(
  file: URL,
  data: EngineData,
  { onStep }: { onStep: (step: EngineStep) => void },
): EngineClient {
  const worker = new Worker(file, { workerData: data });
  const listeners = new Map<number, Listener>();
  /** Called when there are no listeners left. */
  let idle: (() => void)[] = [];
  let ids = 0;
  let pending = 0;
  let info: ModelInfo | null = null;
  let failure: Error | null = null;

  function forget(id: number) {
    listeners.delete(id);
    if (listeners.size > 0) return;
    const waiting = idle;
    idle = [];
    for (const resolve of waiting) resolve();
  }

  function post(request: Unnumbered<ModelRequest> & { adapter: string | null }, listener: Listener): number {
    const id = ++ids;
    if (failure) listener.fail(new ApiError("the engine has stopped", { status: 503 }));
    else {
      listeners.set(id, listener);
      worker.postMessage({ ...request, id });
    }
    return id;
  }

  let stop: (error: Error) => void = () => {};
  const failed = new Promise<never>((_, reject) => {
    stop = reject;
  });
  const ready = new Promise<ModelInfo>((resolve, reject) => {
    function fail(error: Error) {
      failure ??= error;
      info = null;
      stop(error);
      reject(error);
      for (const listener of [...listeners.values()])
        listener.fail(new ApiError("the engine has stopped", { status: 503 }));
      listeners.clear();
      for (const resolve of idle) resolve();
    }
    worker.on("message", (message: EngineMessage) => {
      if (message.type === "ready") {
        info = message.info;
        resolve(info);
      } else if (message.type === "failed") {
        const { name, stack, userError } = message;
        fail(Object.assign(new Error(message.message), { name, stack, ...(userError !== undefined && { userError }) }));
      } else if (message.type === "pieces") {
        // The next message comes when what this one leads to has been done, and other requests have had their turn.
        setImmediate(() => worker.postMessage({ type: "taken" } satisfies EngineRequest));
        for (const piece of message.pieces) listeners.get(piece.id)?.piece?.(piece);
        const { load, pieces, promptTokens: promptsRead, reusedTokens, drafts = null } = message;
        onStep({ load, pieces, promptsRead, reusedTokens, drafts });
      } else {
        listeners.get(message.id)?.answer(message);
      }
    });
    worker.on("error", (error) => fail(error as Error));
    worker.on("exit", (code) => fail(new Error(`the engine's thread ended (exit code ${code})`)));
  });
  // Whoever starts a server awaits it; requests may come before that.
  ready.catch(() => {});
  failed.catch(() => {});

  function ask<T>(
    request: Unnumbered<ModelRequest> & { adapter: string | null },
    read: (message: Answer) => T,
  ): Promise<T> {
    return new Promise((resolve, reject) => {
      const id = post(request, {
        answer(message) {
          forget(id);
          if (message.type === "refused") reject(apiError(message.failure));
          else resolve(read(message));
        },
        fail: reject,
      });
    });
  }

  function generate(request: GenerateRequest, adapter: string | null): Generation {
    const choices = request.prompts.length * request.n;
    const queue: Piece[] = [];
    let id = 0;
    let error: Error | null = null;
    let left = choices;
    let isOpen = true;
    let wake = () => {};
    let accept: (tokens: number[]) => void;
    let refuse: (error: Error) => void;
    const promptTokens = new Promise<number[]>((resolve, reject) => {
      [accept, refuse] = [resolve, reject];
    });
    promptTokens.catch(() => {});
    pending += choices;
    function end() {
      if (!isOpen) return;
      isOpen = false;
      pending -= choices;
      forget(id);
      wake();
    }
    function fail(cause: Error) {
      error = cause;
      refuse(cause);
      end();
    }
    id = post(
      { type: "generate", request, adapter },
      {
        answer(message) {
          if (message.type === "accepted") accept(message.promptTokens);
          else if (message.type === "refused") fail(apiError(message.failure));
        },
        piece(piece) {
          queue.push(piece);
          if (piece.finishReason) left--;
          if (left === 0) end();
          wake();
        },
        fail,
      },
    );
    return {
      promptTokens,
      cancel() {
        if (!isOpen) return;
        worker.postMessage({ type: "cancel", id } satisfies EngineRequest);
        end();
      },
      async *[Symbol.asyncIterator]() {
        while (true) {
          while (queue.length > 0) yield queue.shift()!;
          if (error) throw error;
          if (!isOpen) return;
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
        }
      },
    };
  }

  const requests = (adapter: string | null): EngineRequests => ({
    get pending() {
      return pending;
    },
    generate: (request) => generate(request, adapter),
    tokenize: (prompt, { addSpecialTokens }) =>
      ask({ adapter, type: "tokenize", prompt, addSpecialTokens }, (message) => {
        const { tokens, texts } = message as Extract<Answer, { type: "tokens" }>;
        return { tokens, texts };
      }),
    detokenize: (tokens) =>
      ask({ adapter, type: "detokenize", tokens }, (message) => (message as Extract<Answer, { type: "text" }>).text),
    embed: (prompts) =>
      ask({ adapter, type: "embed", prompts }, (message) => {
        const { vectors, promptTokens } = message as Extract<Answer, { type: "embedded" }>;
        return { vectors, promptTokens };
      }),
    fill: (texts, topK) =>
      ask({ adapter, type: "fill", texts, topK }, (message) => (message as Extract<Answer, { type: "filled" }>).filled),
    explain: (text, options) =>
      ask(
        { adapter, type: "explain", text, options },
        (message) => (message as Extract<Answer, { type: "explained" }>).explanation,
      ),
    passages: (text, { topK }) =>
      ask(
        { adapter, type: "passages", text, topK },
        (message) => (message as Extract<Answer, { type: "passages" }>).passages,
      ),
    neurons: (options) =>
      ask(
        { adapter, type: "neurons", ...options },
        (message) => (message as Extract<Answer, { type: "neurons" }>).found,
      ),
    predict: (tasks, rows) =>
      ask({ adapter, type: "predict", tasks, rows }, (message) => {
        const { task, predictions } = message as Extract<Answer, { type: "predicted" }>;
        return { task, predictions };
      }),
  });

  return {
    ready,
    failed,
    get info() {
      return info;
    },
    get active() {
      return listeners.size;
    },
    async whenIdle() {
      // What was started in this moment is seen in the next.
      await new Promise((resolve) => setImmediate(resolve));
      while (listeners.size > 0) {
        await new Promise<void>((resolve) => idle.push(resolve));
        await new Promise((resolve) => setImmediate(resolve));
      }
    },
    requests,
    async close() {
      await worker.terminate();
    },
  };
}
