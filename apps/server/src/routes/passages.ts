/** POST /v1/passages: what in the training data is nearest to a text, see the package `explain`. */
import { readBody } from "../http/read-body.ts";
import { requireModel, type ServerState } from "../http/server-state.ts";
import { passagesSchema } from "../schemas/explain.ts";

/** Answers a request. Throws an ApiError for one that cannot be served. */
export async function passages(request: Request, state: ServerState): Promise<Response> {
  const parameters = await readBody(request, { schema: passagesSchema, maxBytes: state.maxBodyBytes });
  const served = await requireModel(state, parameters.model);
  // Without data, the model itself refuses: no engine needs to be started for that.
  const { name, engine } = served.info.findsPassages ? await requireModel(state, parameters.model, "explain") : served;
  const found = await engine.passages(parameters.input, { topK: parameters.top_k ?? 5 });
  return Response.json({ object: "passages", model: name, ...found });
}
