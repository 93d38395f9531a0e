/** GET /v1/models and /v1/models/{model}. */
import { requireReady, type ServerState } from "../http/server-state.ts";
import type { ListedModel } from "../models/model-pool.ts";

const describe = ({ name, parent, info }: ListedModel, { created }: ServerState) => ({
  id: name,
  object: "model",
  created,
  owned_by: "megatron-ts",
  // The base of an adapter, as vLLM says it.
  ...(parent !== null && { parent }),
  // As vLLM says it; null without a limit, and for a model that has not been loaded yet.
  max_model_len: info && Number.isFinite(info.maxTokens) ? info.maxTokens : null,
});

/** The list of the models, loaded or not. */
export function listModels(state: ServerState): Response {
  requireReady(state);
  return Response.json({ object: "list", data: state.models.list().map((model) => describe(model, state)) });
}

/** One model by name. Throws an ApiError if there is none. */
export function getModel(state: ServerState, name: string): Response {
  requireReady(state);
  const id = state.models.resolve(name);
  return Response.json(describe(state.models.list().find((model) => model.name === id)!, state));
}
