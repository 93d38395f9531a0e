/** Changes bytes in archives that torch.save wrote, with or without correcting the checksums. Used by tests. */
import { crc32 } from "node:zlib";

/** Replaces text by text of the same length in `data.pkl`, and corrects its checksum. */
export function replaceInPickle(archive: Buffer, from: string, to: string): Buffer {
  const changed = Buffer.from(archive);
  const at = changed.indexOf(from);
  if (at < 0 || from.length !== to.length) throw new Error(`cannot replace ${from} by ${to}`);
  changed.write(to, at, "latin1");
  return correctChecksums(changed);
}

/** Recomputes the checksum of every stored entry. */
export function correctChecksums(archive: Buffer): Buffer {
  const changed = Buffer.from(archive);
  for (let at = changed.indexOf("PK\u0001\u0002"); at >= 0; at = changed.indexOf("PK\u0001\u0002", at + 4)) {
    const size = changed.readUInt32LE(at + 24);
    const local = changed.readUInt32LE(at + 42);
    const start = local + 30 + changed.readUInt16LE(local + 26) + changed.readUInt16LE(local + 28);
    changed.writeUInt32LE(crc32(changed.subarray(start, start + size)), at + 16);
  }
  return changed;
}
