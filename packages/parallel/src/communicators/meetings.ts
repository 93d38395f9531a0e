/** What ranks tell each other besides numbers: that they have come, and short texts. Without tensors. */
import type { Group } from "./group.ts";
import { bytesOf } from "./reduce.ts";

/** Room for a message, in memory that garbage collection does not move. */
export const messageOf = (length: number): Uint8Array => new Uint8Array(new ArrayBuffer(length));

/** Returns when every rank of the group has come; they may take `patience` seconds more than usual. */
export function meet(group: Group, patience?: number): void {
  const byte = messageOf(1);
  group.exchange({ send: group.ranks(() => byte), receive: group.ranks(() => messageOf(1)) }, { patience });
}

/** Every rank's text, in rank order; they may take `patience` seconds more than usual. */
export function gatherText(group: Group, text: string, patience?: number): string[] {
  const own = new TextEncoder().encode(text);
  const lengths = group.ranks(() => new Float64Array(new ArrayBuffer(8)));
  const length = bytesOf(Float64Array.of(own.length));
  group.exchange({ send: group.ranks(() => length), receive: lengths.map(bytesOf) }, { patience });
  const texts = lengths.map(([bytes]) => messageOf(bytes!));
  group.exchange({ send: group.ranks(() => own), receive: texts });
  return texts.map((bytes) => new TextDecoder().decode(bytes));
}
