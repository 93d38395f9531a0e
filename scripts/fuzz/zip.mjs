/** Zip archives without compression, as e-books may be and torch.save writes: so that an entry can be damaged and its archive not. */
import { crc32 } from "node:zlib";

/** An archive with these entries. */
export function zip(entries) {
  const parts = [];
  const index = [];
  let at = 0;
  for (const [name, bytes] of Object.entries(entries)) {
    const header = Buffer.alloc(26);
    header.writeUInt32LE(crc32(bytes), 10);
    header.writeUInt32LE(bytes.length, 14);
    header.writeUInt32LE(bytes.length, 18);
    header.writeUInt16LE(name.length, 22);
    header.writeUInt16LE(20, 0);
    parts.push(Buffer.from("PK\x03\x04", "latin1"), header, Buffer.from(name), bytes);
    const end = Buffer.alloc(14);
    end.writeUInt32LE(at, 10);
    index.push(Buffer.from("PK\x01\x02\x14\x00", "latin1"), header, end, Buffer.from(name));
    at += 30 + name.length + bytes.length;
  }
  const directory = Buffer.concat(index);
  const tail = Buffer.alloc(22);
  tail.write("PK\x05\x06", 0, "latin1");
  tail.writeUInt16LE(Object.keys(entries).length, 8);
  tail.writeUInt16LE(Object.keys(entries).length, 10);
  tail.writeUInt32LE(directory.length, 12);
  tail.writeUInt32LE(at, 16);
  return Buffer.concat([...parts, directory, tail]);
}

/** The entries of a sound archive. */
export function unzip(bytes) {
  const entries = {};
  const end = bytes.lastIndexOf("PK\x05\x06", undefined, "latin1");
  let at = bytes.readUInt32LE(end + 16);
  for (let left = bytes.readUInt16LE(end + 10); left > 0; left--) {
    const [size, name] = [bytes.readUInt32LE(at + 20), bytes.readUInt16LE(at + 28)];
    const local = bytes.readUInt32LE(at + 42);
    const start = local + 30 + bytes.readUInt16LE(local + 26) + bytes.readUInt16LE(local + 28);
    entries[bytes.toString("utf8", at + 46, at + 46 + name)] = bytes.subarray(start, start + size);
    at += 46 + name + bytes.readUInt16LE(at + 30) + bytes.readUInt16LE(at + 32);
  }
  return entries;
}
