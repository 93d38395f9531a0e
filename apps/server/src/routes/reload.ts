/** POST /v1/reload: replaces a model by its newest checkpoint, while requests in progress end with the old one. */
import { readBody } from "../http/read-body.ts";
import { requireReady, type ServerState } from "../http/server-state.ts";
import { reloadSchema } from "../schemas/reload.ts";

/** Answers when the newer model takes requests. Throws an ApiError if it cannot be loaded; the old one stays. */
export async function reload(request: Request, state: ServerState): Promise<Response> {
  const { model } = await readBody(request, { schema: reloadSchema, maxBytes: state.maxBodyBytes });
  requireReady(state);
  const name = state.models.resolve(model);
  await state.models.reload(name);
  return Response.json({ object: "model", id: name });
}
