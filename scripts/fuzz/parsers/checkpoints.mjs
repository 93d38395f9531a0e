/** Readers of weights: ours, Hugging Face's, PyTorch's and Megatron-LM's. Checksums fit, where they would refuse everything. */
import { createHash } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { crc32 } from "node:zlib";
import fc from "fast-check";
import { openHuggingFaceDirectory } from "../../../packages/checkpoint/src/hugging-face/directory.ts";
import { checkLayerCount } from "../../../packages/checkpoint/src/layer-count.ts";
import { decodeManifest } from "../../../packages/checkpoint/src/manifest.ts";
import { openDistributedTensors } from "../../../packages/checkpoint/src/megatron-lm/distributed-tensors.ts";
import { openMegatronCheckpoint } from "../../../packages/checkpoint/src/megatron-lm/open-megatron-checkpoint.ts";
import { readPickle } from "../../../packages/checkpoint/src/megatron-lm/pickle.ts";
import { openSafetensors } from "../../../packages/checkpoint/src/safetensors.ts";
import { createModel, readHuggingFaceConfig } from "../../../packages/model/src/index.ts";
import { shapeOnly } from "../../../packages/parallel/src/index.ts";
import { damagedBytes, damagedJson } from "../mutations.mjs";
import { directory, fixture, fixtures, inDirectory, throughFile } from "../samples.mjs";
import { unzip, zip } from "../zip.mjs";

function readAll(path) {
  const file = openSafetensors(path);
  try {
    for (const name of file.names.slice(0, 10)) file.read(name);
  } finally {
    file.close();
  }
}

const weights = fixtures("safetensors", /\.safetensors$/);
const headerOf = (bytes) => bytes.subarray(8, 8 + Number(bytes.readBigUInt64LE(0)));

/** Gives a header its length again, and the tensors. */
function withHeader(header) {
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(header.length));
  return Buffer.concat([length, header, weights[0].subarray(8 + headerOf(weights[0]).length)]);
}

/** The manifest's first member is the checksum of what follows it. */
function seal(bytes) {
  try {
    const { checksum: _, ...content } = JSON.parse(bytes.toString());
    // Without indentation, which is quadratic in the depth.
    const body = JSON.stringify(content).slice(1);
    return Buffer.from(`{\n  "checksum": "${createHash("sha256").update(body).digest("hex")}",\n${body}`);
  } catch {
    return bytes;
  }
}

const manifest = JSON.parse(fixture("versions/83efe2a/runs/gpt/step-00000004/manifest.json").toString());
for (const group of Object.values(manifest.groups)) group.tensors = group.tensors.slice(0, 3);

/** Corrects the CRCs in archives that follow each other, where an edit did not displace the entry: so its content is read. */
function withChecksums(bytes) {
  const fixed = bytes;
  let archive = 0;
  for (let at = fixed.indexOf("PK"); at >= 0 && at + 46 <= fixed.length; at = fixed.indexOf("PK", at + 2)) {
    const kind = fixed.readUInt16LE(at + 2);
    if (kind === 0x0605) archive = at + 22 + fixed.readUInt16LE(at + 20);
    if (kind !== 0x0201) continue;
    const [size, local] = [fixed.readUInt32LE(at + 20), archive + fixed.readUInt32LE(at + 42)];
    if (local + 30 > fixed.length) continue;
    const start = local + 30 + fixed.readUInt16LE(local + 26) + fixed.readUInt16LE(local + 28);
    if (start + size <= fixed.length) fixed.writeUInt32LE(crc32(fixed.subarray(start, start + size)), at + 16);
  }
  return fixed;
}

/** Damages an archive, or, more often, its description alone, which is then reached. */
function damagedArchive(archive) {
  const whole = damagedBytes([archive]).map(withChecksums);
  if (archive.toString("latin1", 0, 2) !== "PK") return whole;
  const entries = unzip(archive);
  const described = Object.keys(entries).find((name) => name.endsWith("/data.pkl"));
  const description = damagedBytes([entries[described]]).map((bytes) => zip({ ...entries, [described]: bytes }));
  return fc.oneof({ weight: 1, arbitrary: whole }, { weight: 3, arbitrary: description });
}

const megatron = (from, name) => ({
  inputs: name.endsWith(".pt")
    ? damagedArchive(fixture(`megatron-lm/${from}/iter_0000100/${name}`))
    : damagedBytes([fixture(`megatron-lm/${from}/iter_0000100/${name}`)]).map(withChecksums),
  read: inDirectory(`megatron-lm/${from}/iter_0000100`, name, async (path) => {
    const { source, config, close } = await openMegatronCheckpoint(path);
    try {
      const readAndDiscard = (parameter) => {
        source(parameter).dispose();
        return shapeOnly(parameter);
      };
      createModel(config, { weights: { source: readAndDiscard } });
    } finally {
      close();
    }
  }),
  severalLines: true,
});

/** A checkpoint of two tensors, which is no model: with all of a model's, most of the time would go to those that are sound. */
const chunks = {
  inputs: damagedBytes([fixture("megatron-lm/small/tensors/__0_0.distcp")]).map(withChecksums),
  read: inDirectory("megatron-lm/small/tensors", "__0_0.distcp", async (path) => {
    const { slices, prepare, close } = await openDistributedTensors(path);
    try {
      await prepare([...slices.keys()]);
      for (const [tensor] of slices.values()) tensor.read();
    } finally {
      close();
    }
  }),
};

const metadata = fixture("megatron-lm/small/torch_dist/iter_0000100/.metadata");
const configs = fixtures("hugging-face/configs", /\.json$/).map(String);

function readConfig(bytes) {
  let json;
  try {
    json = JSON.parse(bytes.toString());
  } catch {
    return;
  }
  // openHuggingFaceDirectory refuses anything else.
  if (typeof json !== "object" || json === null || Array.isArray(json)) return;
  const { config } = readHuggingFaceConfig(json, { tensors: { has: () => true, equal: () => true } });
  checkLayerCount(config, { tensors: 100, source: "config.json" });
  createModel(config, { weights: { source: shapeOnly } });
}

const opening = (name) => inDirectory("gpt2", name, (path) => openHuggingFaceDirectory(path).close());

/** A directory whose weights are in files that an index names. */
function openIndexed(bytes) {
  if (indexed === undefined) {
    indexed = directory();
    writeFileSync(join(indexed, "config.json"), "{}");
    for (const name of ["a", "b"]) writeFileSync(join(indexed, `${name}.safetensors`), weights[0]);
  }
  writeFileSync(join(indexed, "model.safetensors.index.json"), bytes);
  openHuggingFaceDirectory(indexed).close();
}
let indexed;
const index = JSON.stringify({ metadata: { total_size: 1 }, weight_map: { a: "a.safetensors", b: "b.safetensors" } });

export const checkpointParsers = [
  { name: "safetensors", inputs: damagedBytes(weights), read: throughFile("a.safetensors", readAll) },
  {
    name: "safetensors-header",
    inputs: damagedJson(weights.slice(0, 1).map((bytes) => headerOf(bytes).toString())).map(withHeader),
    read: throughFile("a.safetensors", readAll),
  },
  {
    name: "manifest",
    inputs: damagedJson([JSON.stringify(manifest)]).map(seal),
    read: (bytes) => void decodeManifest(bytes, "manifest.json"),
  },
  {
    name: "pickle",
    inputs: damagedBytes([metadata]),
    read: (bytes) => void readPickle(bytes, { allowed: ["*"], source: "a.pkl", persistent: (id) => id }),
  },
  { name: "torch", ...megatron("small/version-1", "mp_rank_00/model_optim_rng.pt") },
  { name: "torch-legacy", ...megatron("small/legacy", "mp_rank_00/model_optim_rng.pt") },
  { name: "metadata", ...megatronDistributed(".metadata") },
  { name: "distcp", ...chunks },
  { name: "common", ...megatronDistributed("common.pt") },
  { name: "config", inputs: damagedJson(configs), read: readConfig },
  { name: "config-file", inputs: damagedJson([fixture("gpt2/config.json").toString()]), read: opening("config.json") },
  { name: "weight-map", inputs: damagedJson([index]), read: openIndexed },
];

function megatronDistributed(name) {
  return megatron("small/torch_dist", name);
}
