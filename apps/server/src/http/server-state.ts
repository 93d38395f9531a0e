/** What routes know of the server: its models, its limits, and whether it takes requests. */
import { ApiError } from "../errors.ts";
import type { ModelPool, Purpose, UsedModel } from "../models/model-pool.ts";
import type { Metrics } from "./metrics.ts";

/** The state that the routes of a server share. */
export interface ServerState {
  readonly models: ModelPool;
  readonly metrics: Metrics;
  /** When the server started, in seconds since 1970. */
  readonly created: number;
  readonly maxBodyBytes: number;
  /** The most choices that may be in progress or wait, of each model. */
  readonly maxPending: number;
  /** Set while the server closes. */
  isClosing: boolean;
}

/** Throws an ApiError while the first model loads, and while the server closes. */
export function requireReady({ models, isClosing }: ServerState): void {
  if (isClosing) throw new ApiError("the server is shutting down", { status: 503, retryAfter: 5 });
  if (!models.info) throw new ApiError("the model is loading", { status: 503, retryAfter: 5 });
}

/** The model of a name, loaded; the first without a name. Throws an ApiError for an unknown one, and as `requireReady`. */
export async function requireModel(
  state: ServerState,
  name: string | null | undefined,
  purpose?: Purpose,
): Promise<UsedModel> {
  requireReady(state);
  return state.models.use(name, purpose);
}
