/** Decompresses the pages of a Parquet file, into no more memory than their headers state. */
import { brotliDecompressSync, gunzipSync } from "node:zlib";
import { decompressLz4Raw } from "hyparquet-compressors";
import { createZstandardDecoder, type ZstandardDecoder } from "../zstandard/decoder.ts";
import { unsnappy } from "./snappy.ts";

/** Decompresses a page to exactly `size` bytes. Throws an Error for damaged pages. */
export type Decompress = (page: Uint8Array, size: number) => Uint8Array;

/** @throws Error for an unknown codec */
export async function createDecompressor(codec: string): Promise<Decompress> {
  const decompress = await byCodec(codec);
  return (page, size) => {
    const bytes = decompress(page, size);
    if (bytes.length !== size) throw new Error(`a page of ${bytes.length} bytes, expected ${size}`);
    return bytes;
  };
}

async function byCodec(codec: string): Promise<Decompress> {
  switch (codec) {
    case "UNCOMPRESSED":
      return (page) => page;
    case "GZIP":
      return (page, size) => gunzipSync(page, { maxOutputLength: Math.max(size, 1) });
    case "BROTLI":
      return (page, size) => brotliDecompressSync(page, { maxOutputLength: Math.max(size, 1) });
    case "SNAPPY":
      return unsnappy;
    case "ZSTD": {
      const decoder = await createZstandardDecoder();
      return (page, size) => unzstandard(decoder.fresh(), page, size);
    }
    case "LZ4_RAW":
      return decompressLz4Raw;
    case "LZ4":
      return unhadoop;
    default:
      throw new Error(`the unknown codec ${codec}`);
  }
}

function unzstandard(decoder: ZstandardDecoder, page: Uint8Array, size: number): Uint8Array {
  const output = new Uint8Array(size);
  let filled = 0;
  for (const block of decoder.push(page)) {
    if (filled + block.length > size) throw new Error(`a page of more than ${size} bytes`);
    output.set(block, filled);
    filled += block.length;
  }
  decoder.end();
  return output.subarray(0, filled);
}

/** LZ4 as Hadoop frames it: the sizes of each chunk before and after compression. Other writers leave these out. */
function unhadoop(page: Uint8Array, size: number): Uint8Array {
  const view = new DataView(page.buffer, page.byteOffset, page.byteLength);
  const chunks: Uint8Array[] = [];
  let total = 0;
  for (let at = 0; at < page.length; ) {
    if (at + 8 > page.length) return decompressLz4Raw(page, size);
    const expanded = view.getUint32(at);
    const compressed = view.getUint32(at + 4);
    at += 8;
    if (total + expanded > size || at + compressed > page.length) return decompressLz4Raw(page, size);
    chunks.push(decompressLz4Raw(page.subarray(at, at + compressed), expanded));
    total += expanded;
    at += compressed;
  }
  return Buffer.concat(chunks);
}
