/** POST /v1/embeddings: texts as vectors, in OpenAI's shape. */
import { ApiError } from "../errors.ts";
import { readBody } from "../http/read-body.ts";
import { requireModel, type ServerState } from "../http/server-state.ts";
import { embeddingSchema } from "../schemas/embedding.ts";
import { promptsOf } from "./completions.ts";

/** Answers a request. Throws an ApiError for one that cannot be served. */
export async function embeddings(request: Request, state: ServerState): Promise<Response> {
  const parameters = await readBody(request, { schema: embeddingSchema, maxBytes: state.maxBodyBytes });
  const { name, engine } = await requireModel(state, parameters.model);
  const { vectors, promptTokens } = await engine.embed(promptsOf(parameters.input));
  const size = vectors[0]!.length;
  const { dimensions } = parameters;
  if (dimensions != null && dimensions !== size) {
    throw new ApiError(`dimensions: this model's vectors have ${size}`, { status: 400, param: "dimensions" });
  }
  const encode = (vector: Float32Array) =>
    parameters.encoding_format === "base64"
      ? Buffer.from(vector.buffer, vector.byteOffset, vector.byteLength).toString("base64")
      : Array.from(vector);
  return Response.json({
    object: "list",
    data: vectors.map((vector, index) => ({ object: "embedding", index, embedding: encode(vector) })),
    model: name,
    usage: { prompt_tokens: promptTokens, total_tokens: promptTokens },
  });
}
