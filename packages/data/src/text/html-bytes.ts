/**
 * Decodes a web page, in the encoding of its byte order mark, HTTP header or `<meta>`; without them, as UTF-8 if it is valid,
 * otherwise as windows-1252, as browsers do.
 */
import { isUtf8 } from "node:buffer";
import sniffEncoding from "html-encoding-sniffer";

/** Largest page in bytes; its tree takes many times as much memory. */
export const LARGEST_PAGE = 1 << 25;

/**
 * @param options.charset encoding in the HTTP header
 * @throws Error for bytes that are invalid in their encoding
 */
export function decodeHtml(bytes: Uint8Array, options: { charset?: string } = {}): string {
  const encoding = encodingOf(bytes, options);
  try {
    return new TextDecoder(encoding, { fatal: true }).decode(bytes);
  } catch (error) {
    throw new Error(`invalid ${encoding}`, { cause: error });
  }
}

function encodingOf(bytes: Uint8Array, { charset }: { charset?: string }): string {
  const defaultEncoding = isUtf8(bytes) ? "UTF-8" : "windows-1252";
  try {
    return sniffEncoding(bytes, { transportLayerEncodingLabel: charset, defaultEncoding });
  } catch {
    // It throws at a <meta> whose charset has no value, which browsers pass over.
    return defaultEncoding;
  }
}
