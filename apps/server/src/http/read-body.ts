/** Reads the JSON body of a request: bounded, valid UTF-8, and of the right shape. */
import type { z } from "zod";
import { ApiError } from "../errors.ts";
import { invalidRequest } from "./api-error.ts";

const refuse = (message: string, status: 400 | 413) => new ApiError(message, { status });

/** The bytes of a body. Throws an ApiError for more than `maxBytes`, without reading them. */
async function readBytes(request: Request, maxBytes: number): Promise<Uint8Array> {
  const tooLarge = () => refuse(`the body is larger than ${maxBytes} bytes`, 413);
  if (Number(request.headers.get("content-length") ?? 0) > maxBytes) throw tooLarge();
  const chunks: Uint8Array[] = [];
  let length = 0;
  if (!request.body) return new Uint8Array();
  const reader = request.body.getReader();
  const next = () =>
    reader.read().catch(() => {
      throw refuse("the body ended before all of it was sent", 400);
    });
  for (let read = await next(); !read.done; read = await next()) {
    length += read.value.length;
    if (length > maxBytes) throw tooLarge();
    chunks.push(read.value);
  }
  return Buffer.concat(chunks);
}

/** Reads a body by a schema. Throws an ApiError that says what is wrong. */
export async function readBody<Schema extends z.ZodType>(
  request: Request,
  { schema, maxBytes }: { schema: Schema; maxBytes: number },
): Promise<z.infer<Schema>> {
  const bytes = await readBytes(request, maxBytes);
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw refuse("the body is not valid UTF-8", 400);
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw refuse(`the body is not valid JSON: ${(error as Error).message}`, 400);
  }
  const parsed = schema.safeParse(value);
  if (!parsed.success) throw invalidRequest(parsed.error);
  return parsed.data;
}
