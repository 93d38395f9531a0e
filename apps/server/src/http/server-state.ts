/** What routes know of the server: its engine, its limits, and whether it takes requests. */
import type { EngineClient } from "../engine/engine-client.ts";
import type { ModelInfo } from "../engine/protocol.ts";
import { ApiError } from "../errors.ts";
import type { Metrics } from "./metrics.ts";

/** The state that the routes of a server share. */
export interface ServerState {
  readonly engine: EngineClient;
  readonly metrics: Metrics;
  /** The model's name. */
  readonly name: string;
  /** When the server started, in seconds since 1970. */
  readonly created: number;
  readonly maxBodyBytes: number;
  /** The most choices that may be in progress or wait. */
  readonly maxPending: number;
  /** Set while the server closes. */
  isClosing: boolean;
}

/** Throws an ApiError while the model loads, and while the server closes. */
export function requireReady({ engine, isClosing }: ServerState): ModelInfo {
  if (isClosing) throw new ApiError("the server is shutting down", { status: 503, retryAfter: 5 });
  if (!engine.info) throw new ApiError("the model is loading", { status: 503, retryAfter: 5 });
  return engine.info;
}

/** The same, and throws an ApiError for the name of another model. */
export function requireModel(state: ServerState, name: string | null | undefined): ModelInfo {
  const info = requireReady(state);
  if (name === null || name === undefined || name === state.name) return info;
  const shown = JSON.stringify(name.length > 80 ? `${name.slice(0, 80)}…` : name);
  throw new ApiError(`there is no model ${shown}: expected ${JSON.stringify(state.name)}`, {
    status: 404,
    param: "model",
    code: "model_not_found",
  });
}
