/** POST /v1/explain: why the model predicts a token or a label, see the package `explain`. */
import { readBody } from "../http/read-body.ts";
import { requireModel, type ServerState } from "../http/server-state.ts";
import { explainSchema } from "../schemas/explain.ts";

/** Answers a request. Throws an ApiError for one that cannot be served. */
export async function explain(request: Request, state: ServerState): Promise<Response> {
  const parameters = await readBody(request, { schema: explainSchema, maxBytes: state.maxBodyBytes });
  const { name, engine } = await requireModel(state, parameters.model, "explain");
  const { input, target, top_k: topK, attention } = parameters;
  const explanation = await engine.explain(input, {
    target: target ?? undefined,
    topK: topK ?? 5,
    attention: attention ?? true,
  });
  return Response.json({ object: "explanation", model: name, ...explanation });
}
