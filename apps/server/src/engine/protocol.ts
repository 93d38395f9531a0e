/** The messages between the HTTP thread and the engine's thread. Everything in them is cloned. */
import type { ExplainTextOptions, Explanation } from "@megatron-ts/explain";
import type { NeuronPassages, TrainingPassages } from "@megatron-ts/explain/passages";
import type { FilledText, Pattern, SamplingOptions } from "@megatron-ts/generate";
import type { Prediction } from "@megatron-ts/tasks";
import type { ApiErrorFields } from "../errors.ts";
import type { DraftCounts } from "./draft-counts.ts";
import type { ServedData } from "./passages.ts";
import type { ServedAdapter } from "./served-adapter.ts";
import type { ServedDraft } from "./served-draft.ts";
import type { ServedTask } from "./served-tasks.ts";

/** What the engine's thread starts with. */
export interface EngineData {
  checkpoint: string;
  adapters: readonly ServedAdapter[];
  /** Whether it decodes text, for which it has a cache. */
  decodes: boolean;
  backend: string;
  threads: number;
  precision: "f32" | "bf16";
  maxSequences: number;
  cacheTokens?: number;
  chatTemplate?: string;
  /** A smaller model that proposes tokens. */
  draft?: ServedDraft;
  /** Training data that clients may see. */
  data?: ServedData;
}

/** What is known of the model once it is loaded. */
export interface ModelInfo {
  /** The longest sequence in tokens; Infinity without a limit. */
  maxTokens: number;
  vocabularySize: number;
  /** Bytes of the cache that its sequences share, and of its adapters. */
  cacheBytes: number;
  endOfText: number | null;
  /** Settings of the tokenizer, as `/tokenizer_info` answers. */
  tokenizer: Record<string, unknown>;
  /** Whether it generates text, continues a prompt (rather than answering it), and has a template for chats. */
  generates: boolean;
  continues: boolean;
  chats: boolean;
  /** The tasks that it can do. */
  tasks: ServedTask[];
  /** Whether its predictions can be explained. */
  explains: boolean;
  /** Whether passages of its training data are found. */
  findsPassages: boolean;
}

/** One message of a chat, as templates see it. */
export interface ChatMessage {
  role: string;
  content: string;
  [field: string]: unknown;
}

/** Where generation starts. */
export type Prompt =
  | { kind: "text"; text: string }
  | { kind: "tokens"; tokens: number[] }
  | { kind: "chat"; messages: ChatMessage[]; variables: Record<string, unknown> };

/** A request to generate. */
export interface GenerateRequest {
  prompts: Prompt[];
  /** Continuations of each prompt. */
  n: number;
  /** Null: up to the model's last position. */
  maxTokens: number | null;
  sampling: SamplingOptions;
  seed: number;
  stop: string[];
  stopTokens: number[];
  /** Whether generation continues after the token that ends a text. */
  ignoreEnd: boolean;
  /** Alternatives for each token; null for no log-probabilities. */
  logProbabilities: number | null;
  /** What the generated text must be; null for any. */
  pattern: Pattern | null;
  /** Whether the prompt's text, and the scores of its tokens, come first. */
  echo: boolean;
}

/** A token in an answer. */
export interface TokenPiece {
  id: number;
  bytes: number[];
  /** Whether texts leave it out, as they do special tokens. */
  hidden: boolean;
  /** Null for the first token of a prompt. */
  logProbability: number | null;
  alternatives: { id: number; bytes: number[]; logProbability: number }[];
}

/** Why a choice ended. */
export type EndReason = "stop" | "length";

/** A piece of one choice. */
export interface Piece {
  /** The request. */
  id: number;
  /** Prompt index * n + continuation. */
  choice: number;
  text: string;
  /** The tokens of the text, if log-probabilities were asked for. */
  tokens: TokenPiece[];
  /** Tokens generated for this choice so far. */
  generatedTokens: number;
  finishReason: EndReason | null;
}

/** To the engine: what to do, with an adapter or, null, the model as it is. */
export type EngineRequest =
  | ModelRequest
  | { type: "cancel"; id: number }
  /** The last message with pieces has been handled. */
  | { type: "taken" };

/** What a model is asked for. */
export type ModelRequest = { adapter: string | null } & (
  | { type: "generate"; id: number; request: GenerateRequest }
  | { type: "tokenize"; id: number; prompt: Prompt; addSpecialTokens: boolean }
  | { type: "detokenize"; id: number; tokens: number[] }
  | { type: "embed"; id: number; prompts: Prompt[] }
  | { type: "fill"; id: number; texts: string[]; topK: number }
  | { type: "explain"; id: number; text: string; options: ExplainTextOptions }
  | { type: "passages"; id: number; text: string; topK: number }
  | { type: "neurons"; id: number; layer: number; neuron: number; topK: number }
  | { type: "predict"; id: number; tasks: readonly string[]; rows: Readonly<Record<string, string>>[] }
);

/** An error, as it crosses threads. */
export interface EngineFailure extends Partial<ApiErrorFields> {
  message: string;
}

/** How full the engine is. */
export interface EngineLoad {
  running: number;
  waiting: number;
  cacheUsage: number;
}

/** From the engine. */
export type EngineMessage =
  | { type: "ready"; info: ModelInfo }
  | { type: "failed"; name: string; message: string; stack: string; userError: boolean | undefined }
  /** The prompts have been encoded: how many tokens each has. */
  | { type: "accepted"; id: number; promptTokens: number[] }
  | { type: "refused"; id: number; failure: EngineFailure }
  | {
      type: "pieces";
      pieces: Piece[];
      load: EngineLoad;
      promptTokens: number;
      reusedTokens: number;
      drafts?: DraftCounts | null;
    }
  | { type: "tokens"; id: number; tokens: number[]; texts: string[] }
  | { type: "text"; id: number; text: string }
  | { type: "embedded"; id: number; vectors: Float32Array[]; promptTokens: number }
  | { type: "filled"; id: number; filled: FilledText[] }
  | { type: "explained"; id: number; explanation: Explanation }
  | { type: "passages"; id: number; passages: TrainingPassages }
  | { type: "neurons"; id: number; found: NeuronPassages }
  | { type: "predicted"; id: number; task: string; predictions: Prediction[] };
