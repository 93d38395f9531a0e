/** GET /v1/models and /v1/models/{model}. */
import { requireModel, requireReady, type ServerState } from "../http/server-state.ts";

const describe = ({ name, created, engine }: ServerState) => ({
  id: name,
  object: "model",
  created,
  owned_by: "megatron-ts",
  // As vLLM says it; null without a limit.
  max_model_len: Number.isFinite(engine.info!.maxTokens) ? engine.info!.maxTokens : null,
});

/** The list of the models: there is one. */
export function listModels(state: ServerState): Response {
  requireReady(state);
  return Response.json({ object: "list", data: [describe(state)] });
}

/** One model by name. Throws an ApiError if there is none. */
export function getModel(state: ServerState, name: string): Response {
  requireModel(state, name);
  return Response.json(describe(state));
}
