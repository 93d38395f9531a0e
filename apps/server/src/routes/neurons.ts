/** POST /v1/neurons: what in the training data makes a neuron most active, see the package `explain`. */
import { readBody } from "../http/read-body.ts";
import { requireModel, type ServerState } from "../http/server-state.ts";
import { neuronSchema } from "../schemas/explain.ts";

/** Answers a request. Throws an ApiError for one that cannot be served. */
export async function neurons(request: Request, state: ServerState): Promise<Response> {
  const parameters = await readBody(request, { schema: neuronSchema, maxBytes: state.maxBodyBytes });
  const served = await requireModel(state, parameters.model);
  // Without data, the model itself refuses: no engine needs to be started for that.
  const { name, engine } = served.info.findsPassages ? await requireModel(state, parameters.model, "explain") : served;
  const { layer, neuron, top_k: topK } = parameters;
  const found = await engine.neurons({ layer, neuron, topK: topK ?? 5 });
  return Response.json({ object: "neuron_passages", model: name, ...found });
}
