/**
 * TFRecord framing, as TensorBoard's event files use it: length (u64), masked CRC-32C of the length, data, masked
 * CRC-32C of the data; all little-endian.
 */
import crc32c from "crc-32/crc32c.js";

/** The bytes of one record around `data`. */
export function frameRecord(data: Uint8Array): Uint8Array {
  const framed = new Uint8Array(data.length + 16);
  const view = new DataView(framed.buffer);
  view.setBigUint64(0, BigInt(data.length), true);
  view.setUint32(8, maskedCrc(framed.subarray(0, 8)), true);
  framed.set(data, 12);
  view.setUint32(12 + data.length, maskedCrc(data), true);
  return framed;
}

/** Rotates and offsets a checksum, because checksums of data that contains checksums are weak. */
function maskedCrc(data: Uint8Array): number {
  const crc = crc32c.buf(data) >>> 0;
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
}
