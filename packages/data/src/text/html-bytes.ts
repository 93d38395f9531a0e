/**
 * Bytes of a web page to its characters, in the encoding that the page is in: told by its byte order mark, its HTTP header
 * or its `<meta>`; where nobody tells, UTF-8 if it is that, windows-1252 otherwise, as browsers do.
 */
import { isUtf8 } from "node:buffer";
import sniffEncoding from "html-encoding-sniffer";

/** The most bytes that a page may have; the tree of a page takes many times as much. */
export const LARGEST_PAGE = 1 << 25;

/**
 * @param options.charset what the HTTP header says.
 * @throws Error saying what is wrong where the bytes are not what they are declared to be.
 */
export function decodeHtml(bytes: Uint8Array, options: { charset?: string } = {}): string {
  const encoding = sniffEncoding(bytes, {
    transportLayerEncodingLabel: options.charset,
    defaultEncoding: isUtf8(bytes) ? "UTF-8" : "windows-1252",
  });
  try {
    return new TextDecoder(encoding, { fatal: true }).decode(bytes);
  } catch (error) {
    throw new Error(`invalid ${encoding}`, { cause: error });
  }
}
