import { describe, expect, it } from "vitest";
import { itemsOf, type Pickled, readPickle, textOf } from "./pickle.ts";

const allowed = ["collections.OrderedDict", "argparse.Namespace", "torch.*"];
const read = (bytes: Uint8Array) => readPickle(bytes, { allowed, source: "a.pt" }).value;
/** Bytes from text (latin1) and numbers. */
const bytes = (...parts: (string | ArrayLike<number>)[]) =>
  Buffer.concat(parts.map((part) => (typeof part === "string" ? Buffer.from(part, "latin1") : Buffer.from(part))));
const text = (value: string) => bytes([0x8c, value.length], value);
const uint32 = (value: number) => {
  const buffer = Buffer.alloc(4);
  buffer.writeUInt32LE(value);
  return [...buffer];
};

describe("readPickle", () => {
  it.each<[string, Uint8Array, Pickled]>([
    ["a negative integer", bytes([0x8a, 2, 0x00, 0xff], "."), -256],
    ["an integer of no bytes", bytes([0x8a, 0], "."), 0],
    ["an integer beyond 2^53", bytes([0x8a, 8, 0, 0, 0, 0, 0, 0, 0, 0x40], "."), 2n ** 62n],
    ["a tuple", bytes("(", "K", [1], "K", [2], "t."), [1, 2]],
    ["a dictionary", bytes("}", [0x8c, 1], "a", "K", [1], "s."), new Map([["a", 1]])],
  ])("reads %s", (_, pickle, value) => {
    expect(read(pickle)).toEqual(value);
  });

  it("keeps the items of an OrderedDict apart from its attributes", () => {
    // OrderedDict(a=1), with _metadata = 2, as PyTorch pickles a state_dict().
    const pickle = bytes(
      "ccollections\nOrderedDict\n)R",
      text("a"),
      "K",
      [1],
      "s}",
      text("_metadata"),
      "K",
      [2],
      "sb.",
    );
    expect([...itemsOf(read(pickle))!]).toEqual([["a", 1]]);
  });

  it("says where the pickle ends", () => {
    expect(readPickle(bytes("K", [1], ".more"), { allowed, source: "a.pt" })).toEqual({ value: 1, length: 3 });
  });

  it("rejects names that are not on the list", () => {
    expect(() => read(bytes("cposix\nsystem\n", text("ls"), "\x85R."))).toThrow("posix.system");
    expect(() => read(bytes("ctorchx\nload\n."))).toThrow("torchx.load");
  });

  it("rejects a long integer at once", () => {
    const started = performance.now();
    expect(() => read(bytes([0x8b, ...uint32(1_000_000)], "\x01".repeat(1_000_000), "."))).toThrow("1000000 bytes");
    expect(performance.now() - started).toBeLessThan(500);
  });

  it("reads a long list, and repeated references, without exhausting the stack", () => {
    const list = read(bytes("](", "K\x01".repeat(500_000), "e.")) as Pickled[];
    expect(list).toHaveLength(500_000);
  });

  it("rejects damage in one line", () => {
    const good = bytes("}(", text("a"), "K", [1], text("b"), "](K", [1], "K", [2], "eu.");
    for (let at = 0; at < good.length; at++) {
      expect(() => read(good.subarray(0, at))).toThrow(/^a\.pt: [^\n]+$/);
    }
  });
});

describe("textOf", () => {
  it.each<[Pickled, string]>([
    ["a name", "a name"],
    [12, "12"],
    [null, "null"],
    [[1, [2]], "a list"],
    [new Map(), "a dictionary"],
    [new Uint8Array(3), "bytes"],
    [{ global: "torch.Size", arguments: [], items: null, state: null }, "torch.Size"],
  ])("says of %o what a user knows it by", (value, text) => {
    expect(textOf(value)).toBe(text);
  });
});
