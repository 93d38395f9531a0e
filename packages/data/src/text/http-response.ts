/**
 * An HTTP/1 response as a crawler stored it: status, type, and the body with transfer and content encodings undone.
 * Crawlers often undo them and keep the header; a body that is not what the header says is taken as it is.
 */
import { brotliDecompressSync, gunzipSync, inflateSync } from "node:zlib";

export interface HttpResponse {
  status: number;
  /** Media type in lower case, without parameters: "text/html". */
  type: string;
  charset: string | undefined;
  /** @throws Error where the body is damaged, or larger than `largest` once expanded. */
  body(largest: number): Buffer;
}

/** @throws Error saying what is wrong where the block does not begin as a response does. */
export function parseHttpResponse(block: Buffer): HttpResponse {
  const end = /\r?\n\r?\n/.exec(block.toString("latin1", 0, 1 << 16));
  const head = block.toString("latin1", 0, end ? end.index : Math.min(block.length, 1 << 16));
  const [first = "", ...lines] = head.split(/\r?\n/);
  const status = /^HTTP\/\d(?:\.\d)?\s+(\d{3})\b/.exec(first)?.[1];
  if (status === undefined) throw new Error(`expected an HTTP response, found ${JSON.stringify(first.slice(0, 40))}`);
  const headers = new Map(
    lines.map((line) => {
      const colon = line.indexOf(":");
      return [line.slice(0, colon).trim().toLowerCase(), line.slice(colon + 1).trim()] as const;
    }),
  );
  const [type = "", ...parameters] = (headers.get("content-type") ?? "").split(";");
  const charset = parameters
    .map((parameter) => /^\s*charset\s*=\s*["']?([^"'\s]+)/i.exec(parameter)?.[1])
    .find((found) => found !== undefined);
  const stored = end ? block.subarray(end.index + end[0].length) : Buffer.alloc(0);
  return {
    status: Number(status),
    type: type.trim().toLowerCase(),
    charset,
    body(largest) {
      const chunked = headers.get("transfer-encoding")?.toLowerCase().includes("chunked");
      const whole = (chunked && joinChunks(stored)) || stored;
      return expand(whole, { encoding: headers.get("content-encoding")?.toLowerCase(), largest });
    },
  };
}

/** The chunks of a chunked body (RFC 9112, 7.1), one after the other; undefined where it is not one. */
function joinChunks(body: Buffer): Buffer | undefined {
  const chunks: Buffer[] = [];
  for (let at = 0; ; ) {
    const newline = body.indexOf("\n", at);
    const size = /^([0-9a-f]{1,8})\s*(?:;.*)?\r?$/i.exec(body.toString("latin1", at, Math.max(at, newline)))?.[1];
    if (newline < 0 || size === undefined) return undefined;
    const length = Number.parseInt(size, 16);
    if (length === 0) return Buffer.concat(chunks);
    const start = newline + 1;
    if (start + length > body.length) return undefined;
    chunks.push(body.subarray(start, start + length));
    at = start + length;
    if (body[at] === 0x0d) at++;
    if (body[at] === 0x0a) at++;
  }
}

function expand(body: Buffer, { encoding, largest }: { encoding: string | undefined; largest: number }): Buffer {
  const options = { maxOutputLength: largest };
  if (encoding === "br") return brotliDecompressSync(body, options);
  const isGzip = body[0] === 0x1f && body[1] === 0x8b;
  if ((encoding === "gzip" || encoding === "x-gzip") && isGzip) return gunzipSync(body, options);
  const isZlib = body.length > 1 && (body[0]! & 0x0f) === 8 && body.readUInt16BE(0) % 31 === 0;
  if (encoding === "deflate" && isZlib) return inflateSync(body, options);
  return body;
}
