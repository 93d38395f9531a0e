/** POST /v1/fill-mask: the most likely tokens for each mask of a text. */
import { readBody } from "../http/read-body.ts";
import { requireModel, type ServerState } from "../http/server-state.ts";
import { fillMaskSchema } from "../schemas/embedding.ts";

/** Answers a request. Throws an ApiError for one that cannot be served. */
export async function fillMask(request: Request, state: ServerState): Promise<Response> {
  const {
    model,
    input,
    top_k: topK,
  } = await readBody(request, { schema: fillMaskSchema, maxBytes: state.maxBodyBytes });
  const { name, engine } = await requireModel(state, model);
  const filled = await engine.fill([input].flat(), topK ?? 5);
  return Response.json({
    object: "list",
    data: filled.map(({ text, masks }, index) => ({ index, text, masks })),
    model: name,
  });
}
