/** Options of the server, and what they are if not given. */

import type { ServedAdapter } from "./engine/served-adapter.ts";
import type { ServedDraft } from "./engine/served-draft.ts";
import type { ModelEvent } from "./models/engine-slots.ts";

/** A model to serve. */
export interface ServedCheckpoint {
  /** A checkpoint, or a run directory, whose newest checkpoint is served. */
  checkpoint: string;
  /** The model's name in requests. Default: that of the directory, "x" of `runs/x/run`. */
  name?: string;
  /** LoRA adapters of the model, served beside it by names of their own; its weights are in memory once. Default: none. */
  adapters?: readonly ServedAdapter[];
  /** A smaller model of the same tokenizer that proposes tokens: speculative decoding. Default: none. */
  draft?: ServedDraft;
}

/** Options of `startServer`. */
export interface ServerOptions extends ServedCheckpoint {
  /** More models, which are loaded when a request first names them. Default: none. */
  others?: readonly ServedCheckpoint[];
  /** The most bytes that models take together; others are unloaded, least recently used first. Default: no limit. */
  memoryLimit?: number;
  /** Address to listen on. Default: 127.0.0.1, which only this machine reaches. */
  host?: string;
  /** Port; 0 for any that is free. Default: 8000. */
  port?: number;
  /** Compute backend. Default: the fastest that there is. */
  backend?: string;
  /** Threads of the engine. Default: one per physical core. */
  threads?: number;
  /** How weights are stored. Default: "f32". */
  precision?: "f32" | "bf16";
  /** The most sequences that are decoded together. Default: 16. */
  maxSequences?: number;
  /** Tokens in the key/value cache, of all sequences together. Default: for 4 sequences of full length. */
  cacheTokens?: number;
  /** Sequences that may wait for a place; more get the status 429. Default: 256. */
  maxQueue?: number;
  /** The largest body of a request, in bytes. Default: 4 MiB. */
  maxBodyBytes?: number;
  /** Seconds that a client has to send a request. Default: 30. */
  requestTimeout?: number;
  /** Seconds that requests in progress have to end when the server is closed. Default: 30. */
  drainSeconds?: number;
  /** A Jinja template for chats. Default: the checkpoint's. */
  chatTemplate?: string;
  /** Keys of which a client sends one. Default: none, and no key is needed. */
  apiKeys?: readonly string[];
  /** Whether `/v1/models` needs no key. Default: false. */
  publicModels?: boolean;
  /** Seconds between looks for newer checkpoints of the models, which replace those that are served. Default: none. */
  followSeconds?: number;
  /** Whether clients may have models replaced by their newest checkpoints, with `/v1/reload`. Default: false. */
  allowReload?: boolean;
  /** Called after every request, without its contents. */
  onRequest?: (entry: RequestLog) => void;
  /** Called when a model is loaded or unloaded, or cannot be loaded. */
  onModel?: (event: ModelEvent) => void;
  /** Origins of other servers' pages that may ask this one; "*" for all. Default: none. */
  corsOrigins?: readonly string[];
  /**
   * Prepared data that clients may search for passages near a text; true for what each model's recipe names. Default: none, since
   * not everybody who may ask a model may read what it was trained on.
   */
  data?: true | readonly string[];
  /** A directory whose training runs the page shows. Default: none. */
  runs?: string;
  /** The directory of the built page. Default: the one that was built with this package. */
  pageDirectory?: string;
  /** The engine's module. Default: the one that was built with this package. */
  workerFile?: URL;
}

/** What is logged of a request. */
export interface RequestLog {
  id: string;
  method: string;
  path: string;
  status: number;
  milliseconds: number;
}
