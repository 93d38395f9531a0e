/**
 * Parses an HTTP/1 response as stored by a crawler: status, type, and body without transfer and content encodings. Crawlers
 * often remove these but keep the header, so a body that does not match its header is taken as is.
 */
import { brotliDecompressSync, gunzipSync, inflateSync } from "node:zlib";

/** A stored response. */
export interface HttpResponse {
  status: number;
  /** Media type in lower case, without parameters: "text/html". */
  type: string;
  charset: string | undefined;
  /** The decoded body. Throws an Error where it is damaged, or expands to more than `largest` bytes. */
  body(largest: number): Buffer;
}

/** @throws Error for a block that does not start with an HTTP status line. */
export function parseHttpResponse(block: Buffer): HttpResponse {
  const end = /\r?\n\r?\n/.exec(block.toString("latin1", 0, 1 << 16));
  const head = block.toString("latin1", 0, end ? end.index : Math.min(block.length, 1 << 16));
  const [first = "", ...lines] = head.split(/\r?\n/);
  const status = /^HTTP\/\d(?:\.\d)?\s+(\d{3})\b/.exec(first)?.[1];
  if (status === undefined) throw new Error(`expected an HTTP response, got ${JSON.stringify(first.slice(0, 40))}`);
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

/** Joins a chunked body (RFC 9112, 7.1); undefined where it is not chunked. */
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
