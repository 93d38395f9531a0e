import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { decodeManifest, encodeManifest } from "./manifest.ts";
import type { Manifest } from "./manifest-schema.ts";

const manifest = (change: Partial<Manifest> = {}): Manifest => ({
  formatVersion: 1,
  step: 200,
  consumedSamples: 3200,
  model: { family: "gpt", numLayers: 2, tied: true, dropout: 0.1 },
  tokenizerFingerprint: "é\ufffd",
  heldOutLoss: 3.0000000000000004,
  training: { plateau: { best: null, bad: 2 }, names: ["a", "b"] },
  groups: {
    weights: {
      tensors: [
        {
          name: "layers.0.weight",
          dtype: "BF16",
          shape: [4, 2],
          slices: [
            { file: "weights-00001-of-00002.safetensors", origin: [0, 0], shape: [2, 2] },
            { file: "weights-00002-of-00002.safetensors", origin: [2, 0], shape: [2, 2] },
          ],
        },
      ],
    },
  },
  files: [
    { name: "weights-00001-of-00002.safetensors", size: 8, sha256: "0".repeat(64) },
    { name: "weights-00002-of-00002.safetensors", size: 8, sha256: "f".repeat(64) },
  ],
  ...change,
});

const userError = (message: RegExp) =>
  expect.objectContaining({ message: expect.stringMatching(message), userError: true });
const decode = (bytes: Uint8Array): Manifest => decodeManifest(bytes, "run/manifest.json");
const encodeAnything = (value: object): Uint8Array => encodeManifest(value as Manifest);

describe("manifest.json", () => {
  it("decodes to what was encoded", () => {
    expect(decode(encodeManifest(manifest()))).toEqual(manifest());
    expect(Buffer.from(encodeManifest(manifest())).toString()).toMatch(
      /^\{\n {2}"checksum": "[0-9a-f]{64}",\n {2}"formatVersion": 1,\n/,
    );
  });

  it("is rejected with any bit flipped, or cut anywhere", () => {
    const good = encodeManifest(manifest());
    for (let at = 0; at < good.length; at++) {
      for (let bit = 0; bit < 8; bit++) {
        const bad = Uint8Array.from(good);
        bad[at]! ^= 1 << bit;
        expect(() => decode(bad)).toThrow(userError(/^run\/manifest\.json (is damaged|has format version)[^\n]*$/));
      }
      expect(() => decode(good.subarray(0, at))).toThrow(userError(/^run\/manifest\.json is damaged[^\n]*$/));
    }
  });

  it("names a format version that it cannot read, and says when the checksum is wrong too", () => {
    const text = Buffer.from(encodeManifest(manifest())).toString().replace('"formatVersion": 1', '"formatVersion": 7');
    expect(() => decode(Buffer.from(text))).toThrow(userError(/version 7.* version 1.*checksum/));
  });

  const faults: [string, object, RegExp][] = [
    ["an unknown field", { ...manifest(), color: "red" }, /manifest: .*color/],
    ["a step that is not an integer", manifest({ step: 1.5 }), /: step: /],
    [
      "a file outside the directory",
      manifest({ files: [{ name: "../x", size: 0, sha256: "0".repeat(64) }] }),
      /: files\.0\.name: /,
    ],
    ["slices in files that are not listed", manifest({ files: [] }), /"layers.0.weight" of weights .* weights-00001/],
    [
      "slices that leave a gap",
      manifest({ groups: { weights: { tensors: [{ ...manifest().groups.weights.tensors[0]!, shape: [5, 2] }] } } }),
      /"layers.0.weight" of weights .*\[5, 2\]/,
    ],
    [
      "two tensors of one name",
      manifest({ groups: { weights: { tensors: Array(2).fill(manifest().groups.weights.tensors[0]) } } }),
      /"layers.0.weight" of weights .* twice/,
    ],
  ];

  it.each(faults)("is not written with %s", (_, value, message) => {
    expect(() => encodeAnything(value)).toThrow(message);
  });

  it.each(faults)("is rejected with %s, even if its checksum is right", (_, value, message) => {
    const body = JSON.stringify(value, null, 2).slice(2);
    const checksum = createHash("sha256").update(body).digest("hex");
    const sealed = Buffer.from(`{\n  "checksum": "${checksum}",\n${body}`);
    expect(() => decode(sealed)).toThrow(userError(message));
    expect(() => decode(sealed)).toThrow(/^run\/manifest\.json: /);
  });

  it("names another format version", () => {
    const body = '  "formatVersion": 2\n}\n';
    const checksum = createHash("sha256").update(body).digest("hex");
    expect(() => decode(Buffer.from(`{\n  "checksum": "${checksum}",\n${body}`))).toThrow(
      userError(/^run\/manifest\.json .*version 2.* version 1$/),
    );
  });

  it("says in a short line that slices do not cover a tensor, whatever its shape", () => {
    const wrong = manifest();
    wrong.groups.weights!.tensors[0]!.shape = Array(3000).fill(0);
    expect(() => encodeManifest(wrong)).toThrow(/^cannot write manifest\.json: the slices of .{1,200}$/);
  });

  it("rejects numbers that JSON cannot represent", () => {
    expect(() => encodeManifest(manifest({ heldOutLoss: Number.NaN }))).toThrow(/heldOutLoss: /);
    expect(() => encodeManifest(manifest({ training: { best: Infinity } }))).toThrow(/training\.best: /);
  });
});
