import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { start } from "@megatron-ts/engine";
import {
  bertConfigSchema,
  createModel,
  type GptConfig,
  gpt2Format,
  megatronBertFormat,
  megatronLmFamilyOf,
  predictorOf,
} from "@megatron-ts/model";
import * as tf from "@tensorflow/tfjs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readForeignWeight } from "../foreign-weights.ts";
import { bfloat16ToFloat, halfToFloat } from "../narrow-floats.ts";
import { openSafetensors } from "../safetensors.ts";
import { expectClose } from "../testing/golden.ts";
import { correctChecksums, replaceInPickle } from "../testing/patch-archive.ts";
import { describeMegatronCheckpoint } from "./describe-megatron-checkpoint.ts";
import { openIteration } from "./iteration-directory.ts";
import { openMegatronCheckpoint } from "./open-megatron-checkpoint.ts";
import { splitOf } from "./tensor-names.ts";

const fixture = (name: string) => fileURLToPath(new URL(`../../../../fixtures/${name}`, import.meta.url));
const directory = mkdtempSync(join(tmpdir(), "megatron-lm-test-"));
afterAll(() => rmSync(directory, { recursive: true, force: true }));
beforeAll(() => start({ backend: process.env.MEGATRON_BACKEND ?? "wasm" }));

/** Bits of a file that are flipped, one at a time: MEGATRON_FLIPS=4000 flips more. */
const FLIPS = Number(process.env.MEGATRON_FLIPS ?? 100);

const FILE = "iter_0000100/mp_rank_00/model_optim_rng.pt";
let copies = 0;

/** A copy of a fixture, changed. */
function changed(name: string, change: (copy: string) => void): string {
  const copy = join(directory, String(copies++));
  cpSync(fixture(`megatron-lm/${name}`), copy, { recursive: true });
  change(copy);
  return copy;
}

/** A copy of a fixture, with a file of it changed. */
const changedFile = (name: string, change: (bytes: Buffer) => Buffer, file = FILE): string =>
  changed(name, (copy) => writeFileSync(join(copy, file), change(readFileSync(join(copy, file)))));

async function load(path: string) {
  const checkpoint = await openMegatronCheckpoint(path);
  const model = createModel(checkpoint.config, { weights: { source: checkpoint.source } });
  checkpoint.close();
  return { checkpoint, model };
}

/** The configuration and all weights, by name. */
async function weightsOf(path: string) {
  const { checkpoint, model } = await load(path);
  const weights = [...model.parameters.values()].map(({ name, tensor }) => [name, tensor.dataSync().slice()] as const);
  model.dispose();
  return { config: checkpoint.config, iteration: checkpoint.iteration, weights };
}

/** Rejects with a CheckpointError of the user, whose message matches. */
const expectRejected = (attempt: Promise<unknown>, message: RegExp | string) =>
  expect(attempt).rejects.toMatchObject({
    name: "CheckpointError",
    userError: true,
    message: typeof message === "string" ? expect.stringContaining(message) : expect.stringMatching(message),
  });

describe("checkpoints laid out as Megatron-LM's releases before Megatron Core", () => {
  it.each(["version-0", "version-1", "tensor-2-pipeline-2", "legacy"])("give the weights of %s", async (name) => {
    const { checkpoint, model } = await load(fixture(`megatron-lm/${name}`));
    expect(checkpoint.iteration).toBe(100);
    expect(checkpoint.config).toMatchObject({
      numLayers: 2,
      hiddenSize: 32,
      numHeads: 4,
      vocabularySize: 102,
      maxPositions: 24,
    });
    const reference = openSafetensors(fixture("gpt2/model.safetensors"));
    for (const [ours, foreign] of gpt2Format.names(checkpoint.config as GptConfig)) {
      const { values } = readForeignWeight(reference, foreign);
      const read = model.parameters.get(ours)!.tensor.dataSync();
      // Megatron's table has a row of padding after the vocabulary.
      expect(read.slice(0, values.length), ours).toEqual(values);
      expect([...read.slice(values.length)].every((value) => value === 0)).toBe(true);
    }
    reference.close();
    model.dispose();
  });
});

describe("BERT", () => {
  it("as the classes before Megatron Core saved it has the weights of transformers' model", async () => {
    const { checkpoint, model } = await load(fixture("megatron-lm/bert"));
    const config = JSON.parse(readFileSync(fixture("megatron-bert/config.json"), "utf8"));
    const expected = bertConfigSchema.parse(megatronBertFormat.fromHuggingFace(config));
    expect(checkpoint.config).toEqual({ ...expected, headActivation: "gelu-erf" });
    const reference = openSafetensors(fixture("megatron-bert/model.safetensors"));
    const names = megatronBertFormat.names(expected);
    expect([...names.keys()].sort()).toEqual([...model.parameters.keys()].sort());
    for (const [ours, foreign] of names) {
      const { values } = readForeignWeight(reference, foreign);
      expect(model.parameters.get(ours)!.tensor.dataSync(), ours).toEqual(values);
    }
    reference.close();
    model.dispose();
  });

  it.each([
    ["core-bert", "torch"],
    ["core-bert", "torch_dist"],
    ["core-bert-no-pairs", "torch_dist"],
  ])("that Megatron Core saved (%s, %s) has its logits", async (name, format) => {
    const { model } = await load(fixture(`megatron-lm/${name}/${format}`));
    const golden = openSafetensors(fixture(`megatron-lm/${name}/golden.safetensors`));
    const floats = (tensor: string) => new Float32Array(golden.read(tensor).buffer);
    const ints = (tensor: string) =>
      tf.tensor2d(new Int32Array(golden.read(tensor).buffer), golden.info(tensor).shape as [number, number], "int32");
    const segments = golden.names.includes("segments");
    const masked = predictorOf(model, "masked");
    const input = { tokens: ints("ids"), ...(segments && { tokenTypes: ints("segments") }) };
    const { hidden } = masked.forward(input);
    expectClose(masked.logits(hidden), floats("logits"), { what: name, tolerance: 2e-6 });
    expect(segments).toBe(name === "core-bert");
    if (segments) {
      expectClose(masked.pairLogits(masked.pooled(hidden)), floats("pair_logits"), { what: name, tolerance: 2e-6 });
    }
    golden.close();
    model.dispose();
  });
});

describe("T5", () => {
  it.each([
    ["core-t5", "torch"],
    ["core-t5", "torch_dist"],
    ["core-t5", "older"],
    ["core-t5", "stages"],
    ["core-t5-erf", "torch_dist"],
  ])("that Megatron Core saved (%s, %s) has its logits", async (name, format) => {
    const { checkpoint, model } = await load(fixture(`megatron-lm/${name}/${format}`));
    const layers = name === "core-t5" ? { numLayers: 2, numDecoderLayers: 3 } : { numLayers: 1, numDecoderLayers: 1 };
    expect(checkpoint.config).toMatchObject(layers);
    const golden = openSafetensors(fixture(`megatron-lm/${name}/golden.safetensors`));
    const ints = (tensor: string) => new Int32Array(golden.read(tensor).buffer);
    const tokens = (tensor: string) => tf.tensor(ints(tensor), [...golden.info(tensor).shape], "int32");
    const t5 = predictorOf(model, "sequence-to-sequence");
    const logits = tf.tidy(() => {
      const lengths = ints("lengths");
      const memory = t5.encode({ tokens: tokens("ids"), lengths }).hidden;
      return t5.logits(t5.forward({ tokens: tokens("targets"), memory, memoryLengths: lengths }).hidden);
    });
    const expected = new Float32Array(golden.read("logits").buffer);
    expectClose(logits, expected, { what: `${name} ${format}`, tolerance: 2e-6 });
    golden.close();
    logits.dispose();
    model.dispose();
  });
});

describe("checkpoints of several pipeline stages", () => {
  it("are refused where stages have other copies of a tensor", async () => {
    const second = "iter_0000100/mp_rank_00_001/model_optim_rng.pt";
    for (const name of ["word_embeddings", "position_embeddings"]) {
      const other = changedFile(
        "core-t5/stages",
        (bytes) => changeStorageOf(bytes, `embedding.${name}.weight`),
        second,
      );
      await expectRejected(load(other), `embedding.${name}.weight differs between pipeline stages`);
    }
  });
});

describe("checkpoints that Megatron Core saved", () => {
  const saved = ["core-learned", "core-rope-swiglu", "core-erf", "core-interleaved"].flatMap((name) =>
    ["torch", "torch_dist"]
      .filter((format) => readdirSync(fixture(`megatron-lm/${name}`)).includes(format))
      .map((format) => [name, format] as const),
  );

  it.each(saved)("%s (%s) has the logits of Megatron Core", async (name, format) => {
    const { model } = await load(fixture(`megatron-lm/${name}/${format}`));
    const golden = openSafetensors(fixture(`megatron-lm/${name}/golden.safetensors`));
    const ids = new Int32Array(golden.read("ids").buffer);
    const expected = new Float32Array(golden.read("logits").buffer);
    const tokens = tf.tensor2d(ids, golden.info("ids").shape as [number, number], "int32");
    const causal = predictorOf(model, "causal");
    const logits = tf.tidy(() => causal.logits(causal.forward({ tokens }).hidden));
    expectClose(logits, expected, { what: `${name} ${format}`, tolerance: 2e-6 });
    tf.dispose([tokens, logits]);
    golden.close();
    model.dispose();
  });

  it("read their arguments", async () => {
    const { checkpoint, model } = await load(fixture("megatron-lm/core-rope-swiglu/torch_dist"));
    model.dispose();
    expect(checkpoint.config).toMatchObject({
      ...{
        numLayers: 4,
        headSize: 6,
        numKeyValueHeads: 2,
        feedForwardSize: 20,
        gatedFeedForward: true,
        activation: "silu",
      },
      ...{
        positions: "rotary",
        rotaryTheta: 5000,
        norm: "rms",
        normEpsilon: 1e-6,
        biases: false,
        tiedEmbeddings: false,
      },
    });
  });
});

describe("what is rejected", () => {
  it("code, by its name, without running it", async () => {
    await expectRejected(openMegatronCheckpoint(fixture("megatron-lm/hostile")), /posix\.system/);
    await expectRejected(describeMegatronCheckpoint(fixture("megatron-lm/hostile")), /posix\.system/);
  });

  it("a missing rank", async () => {
    const missing = changed("tensor-2-pipeline-2", (copy) =>
      rmSync(join(copy, "iter_0000100/mp_rank_01_001"), { recursive: true }),
    );
    await expectRejected(openMegatronCheckpoint(missing), "tensor rank 1, pipeline rank 1");
  });

  it("a truncated file, and what is not a checkpoint", async () => {
    const truncated = changed("version-0", (copy) => truncateSync(join(copy, FILE), 5000));
    await expectRejected(openMegatronCheckpoint(truncated), "model_optim_rng.pt");
    const other = changedFile("version-0", () => Buffer.from("not a checkpoint"));
    await expectRejected(openMegatronCheckpoint(other), "model_optim_rng.pt");
    // The archive's index, by its own end, begins far beyond the file.
    const far = changedFile("version-0", (bytes) => {
      const end = bytes.lastIndexOf("PK\x06\x06");
      return Buffer.from(bytes).fill(0x7f, end + 48, end + 53);
    });
    await expectRejected(openMegatronCheckpoint(far), "model_optim_rng.pt: damaged zip archive");
    const legacy = changedFile("legacy", (bytes) => bytes.subarray(0, bytes.length - 100));
    await expectRejected(openMegatronCheckpoint(legacy), "truncated");
    mkdirSync(join(directory, "empty"));
    await expectRejected(openMegatronCheckpoint(join(directory, "empty")), "latest_checkpointed_iteration.txt");
  });

  it.each(["../elsewhere", "7\n8", "", "1e3"])("a tracker file that says %j", async (text) => {
    const wrong = changed("version-0", (copy) => writeFileSync(join(copy, "latest_checkpointed_iteration.txt"), text));
    await expectRejected(openMegatronCheckpoint(wrong), "latest_checkpointed_iteration.txt");
  });

  it("tensors that do not fit, by both names", async () => {
    const name = "layers.1.input_layernorm.weight";
    const renamed = changedFile("version-0", (bytes) =>
      replaceInPickle(bytes, name, "layers.1.input_layernorm.WEIGHT"),
    );
    await expectRejected(
      openMegatronCheckpoint(renamed),
      /missing: layers\.1\.input_layernorm\.weight .*layers\.1\.attentionNorm\.weight[\s\S]*unexpected: layers\.1\.input_layernorm\.WEIGHT \[32\]/,
    );
  });

  it("a copy of the embedding that differs from it", async () => {
    const file = "torch/iter_0000100/mp_rank_00_001/model_optim_rng.pt";
    const wrong = changedFile("core-interleaved", (bytes) => changeStorageOf(bytes, "output_layer.weight"), file);
    await expectRejected(openMegatronCheckpoint(join(wrong, "torch")), /output_layer\.weight differs/);
  });

  it("a model that is not imported", async () => {
    const name = "layers.1.input_layernorm.weight";
    const bert = changedFile("version-0", (bytes) => replaceInPickle(bytes, name, "language.pooler.dense.of.weight"));
    await expectRejected(openMegatronCheckpoint(bert), /is a BERT .*supported: .*GPT/);
    const cross = changedFile("version-0", (bytes) => replaceInPickle(bytes, name, "layers.1.inter_attention.weight"));
    await expectRejected(openMegatronCheckpoint(cross), /is a T5 /);
  });

  it("any flipped bit, unless nothing depends on it", async () => {
    const { length } = readFileSync(fixture(`megatron-lm/version-0/${FILE}`));
    const whole = await weightsOf(fixture("megatron-lm/version-0"));
    let refused = 0;
    for (let flipped = 0; flipped < FLIPS; flipped++) {
      const at = Math.floor(((flipped + 0.5) * length) / FLIPS);
      const bad = changedFile("version-0", (bytes) => flip(bytes, at));
      const found = await weightsOf(bad).catch((error) => {
        expect(error, `byte ${at}`).toMatchObject({ name: "CheckpointError", userError: true });
        refused++;
        return whole;
      });
      // Such as one between entries, in their index, or of the optimizer.
      expect(found, `byte ${at}`).toEqual(whole);
      rmSync(bad, { recursive: true });
    }
    expect(refused).toBeGreaterThan(FLIPS / 2);
  });

  it("a tensor that reaches beyond its storage, even if every checksum is right", async () => {
    const good = readFileSync(fixture(`megatron-lm/version-0/${FILE}`));
    const pickle = good.indexOf("layers.0.input_layernorm.weight");
    // Its shape [32] is the first such tuple after its name: BININT1 32, TUPLE1.
    const at = good.indexOf(Buffer.from([0x4b, 32, 0x85]), pickle);
    const bad = changedFile("version-0", (bytes) => {
      bytes[at + 1] = 33;
      return correctChecksums(bytes);
    });
    await expectRejected(openMegatronCheckpoint(bad), /input_layernorm\.weight: .*\[33\].*32 elements/);
  });

  it("arguments that make no model", async () => {
    const double = (value: number) => {
      const bytes = Buffer.alloc(8);
      bytes.writeDoubleBE(value);
      return bytes.toString("latin1");
    };
    const wrong = changedFile("version-0", (bytes) => correctChecksums(replaceAll(bytes, double(1e-5), double(-1))));
    await expectRejected(openMegatronCheckpoint(wrong), /make no model: normEpsilon: /);
  });

  it("an iteration that is gone, unless training has saved another", async () => {
    const run = changed("version-0", (copy) => renameSync(join(copy, "iter_0000100"), join(copy, "iter_0000200")));
    await expectRejected(openMegatronCheckpoint(run), "names iter_0000100, which does not exist");
    const tracker = join(run, "latest_checkpointed_iteration.txt");
    writeFileSync(tracker, "200");
    const opened: string[] = [];
    await openIteration(run, async (iteration) => {
      opened.push(basename(iteration));
      if (opened.length > 1) return;
      renameSync(iteration, join(run, "iter_0000300"));
      writeFileSync(tracker, "300");
      throw new Error("its files are gone");
    });
    expect(opened).toEqual(["iter_0000200", "iter_0000300"]);
  });

  it.each([
    // A tuple where the name ends, and one where the version was.
    ["version-1", FILE, "dense_h_to_4h.biasqe", "dense_h_to_4h.bia\x86\x86\x86", "has a list for a name"],
    ["legacy", FILE, "\x80\x02M\xe9\x03.", "\x80\x02)))\x85.", "format is a list, expected 1001"],
  ])("%s with a list in place of a name or a number", async (name, file, from, to, message) => {
    const changed = changedFile(name, (bytes) => correctChecksums(replaceFirst(bytes, from, to)), file);
    await expectRejected(load(changed), message);
  });

  it("weights that are NaN, by the tensor's name", async () => {
    const nan = changedFile("version-0", (bytes) => changeStorageOf(bytes, "mlp.dense_h_to_4h.bias", Number.NaN));
    await expectRejected(load(nan), /dense_h_to_4h\.bias: .*NaN/);
  });

  it("distributed checkpoints that are damaged or point elsewhere", async () => {
    const base = "core-learned/torch_dist";
    const truncated = changed(base, (copy) => truncateSync(join(copy, "iter_0000100/__0_1.distcp"), 4000));
    await expectRejected(load(truncated), "__0_1.distcp");
    const flipped = changedFile(base, (bytes) => bytes.fill(7, 20_000, 20_500), "iter_0000100/__0_0.distcp");
    await expectRejected(load(flipped), "__0_0.distcp");
    const compressed = changedFile(
      base,
      (bytes) => {
        const signature = "PK\x01\x02";
        for (let at = bytes.indexOf(signature, 0, "latin1"); at >= 0; at = bytes.indexOf(signature, at + 4, "latin1")) {
          bytes[at + 10] = 8;
          bytes.write("\n", at + 46);
        }
        return bytes;
      },
      "iter_0000100/__0_0.distcp",
    );
    await expectRejected(load(compressed), /__0_0\.distcp: "\\n[^"\n]*" is compressed$/);
    const missing = changed(base, (copy) => rmSync(join(copy, "iter_0000100/__0_0.distcp")));
    await expectRejected(load(missing), "__0_0.distcp");
    const metadata = "iter_0000100/.metadata";
    const elsewhere = changedFile(base, (bytes) => replaceAll(bytes, "__0_0.distcp", "../../x.dist"), metadata);
    await expectRejected(load(elsewhere), '"../../x.dist"');
    const code = changedFile(
      base,
      (bytes) =>
        replaceAll(
          bytes,
          "torch.distributed.checkpoint.metadata",
          "os.distributed.checkpoint.metadata.x".padEnd(37, "y"),
        ),
      metadata,
    );
    await expectRejected(load(code), "os.distributed");
  });
});

/** Flips one bit. */
function flip(bytes: Buffer, at: number): Buffer {
  bytes[at]! ^= 1 << (at % 8);
  return bytes;
}

function replaceAll(bytes: Buffer, from: string, to: string): Buffer {
  return Buffer.from(bytes.toString("latin1").replaceAll(from, to), "latin1");
}

function replaceFirst(bytes: Buffer, from: string, to: string): Buffer {
  const text = bytes.toString("latin1");
  if (!text.includes(from)) throw new Error(`nothing to replace: ${JSON.stringify(from)}`);
  return Buffer.from(
    text.replace(from, () => to),
    "latin1",
  );
}

/** Sets the first value of a tensor. The first short string after its name, all digits, is the key of its storage. */
function changeStorageOf(bytes: Buffer, name: string, value = 1234): Buffer {
  let at = bytes.indexOf(name) + name.length;
  const keyAt = () => bytes.toString("latin1", at + 5, at + 5 + bytes.readUInt32LE(at + 1));
  while (bytes[at] !== 0x58 || bytes.readUInt32LE(at + 1) > 2 || !/^\d+$/.test(keyAt())) at++;
  const entry = bytes.indexOf(`/data/${keyAt()}`);
  const local = bytes.lastIndexOf("PK\u0003\u0004", entry);
  const start = local + 30 + bytes.readUInt16LE(local + 26) + bytes.readUInt16LE(local + 28);
  bytes.writeFloatLE(value, start);
  return correctChecksums(bytes);
}

describe("describeMegatronCheckpoint", () => {
  it.each(["version-0", "tensor-2-pipeline-2"])("lists the whole tensors of %s", async (name) => {
    const { tensors, ...described } = await describeMegatronCheckpoint(fixture(`megatron-lm/${name}`));
    const ranks = name === "version-0" ? 1 : 2;
    expect(described).toEqual({
      family: "gpt",
      iteration: 100,
      checkpointVersion: ranks === 1 ? 0 : 3,
      split: { tensor: ranks, pipeline: ranks },
      sizes: { numLayers: 2, hiddenSize: 32, numHeads: 4, vocabularySize: 102 },
    });
    const stack = ranks === 1 ? "language_model.transformer" : "language_model.encoder";
    const attention = `${stack}.layers.1.${ranks === 1 ? "attention" : "self_attention"}`;
    const find = (wanted: string) => tensors.find((tensor) => tensor.name === wanted);
    expect(find(`${attention}.query_key_value.weight`)).toMatchObject({ dtype: "F32", shape: [96, 32] });
    expect(find(`${attention}.dense.weight`)).toMatchObject({ shape: [32, 32] });
    expect(find(`${stack}.layers.0.mlp.dense_4h_to_h.weight`)).toMatchObject({ shape: [32, 128] });
    expect(find(`${stack}.final_layernorm.bias`)).toMatchObject({ shape: [32] });
    expect(tensors).toHaveLength(2 * 12 + 4);
  });

  it("lists the layers of a distributed checkpoint", async () => {
    const { tensors, sizes } = await describeMegatronCheckpoint(fixture("megatron-lm/core-rope-swiglu/torch_dist"));
    expect(sizes).toEqual({ numLayers: 4, hiddenSize: 16, numHeads: 4, vocabularySize: 48 });
    const shapes = new Map(tensors.map(({ name, shape }) => [name, shape]));
    expect(shapes.get("decoder.layers.3.mlp.linear_fc1.weight")).toEqual([40, 16]);
    expect(shapes.get("decoder.layers.0.self_attention.linear_qkv.weight")).toEqual([48, 16]);
  });

  it("recognizes models by their tensors", () => {
    expect(megatronLmFamilyOf(["language_model.encoder.layers.0.self_attention.dense.weight"])).toBe("gpt");
    expect(megatronLmFamilyOf(["language_model.embedding.tokentype_embeddings.weight"])).toBe("bert");
    expect(megatronLmFamilyOf(["lm_head.dense.weight", "binary_head.weight"])).toBe("bert");
    expect(megatronLmFamilyOf(["language_model.decoder.layers.0.inter_attention.query.weight", "lm_head.bias"])).toBe(
      "t5",
    );
  });

  it.each([
    ["language_model.embedding.word_embeddings.weight", 0],
    ["decoder.layers.0.self_attention.linear_qkv.weight", 0],
    ["decoder.layers.0.self_attention.linear_qkv.layer_norm_weight", null],
    ["decoder.layers.3.inter_attention.key_value.bias", 0],
    ["decoder.layers.3.inter_attention.dense.weight", 1],
    ["decoder.layers.3.inter_attention.dense.bias", null],
    ["decoder.layers.0.mlp.linear_fc2.weight", 1],
    ["lm_head.dense.weight", null],
    ["lm_head.bias", 0],
  ])("knows how %s is split", (name, dimension) => {
    expect(splitOf(name)).toBe(dimension);
  });
});

describe("narrow floats", () => {
  it("are widened exactly", () => {
    expect([0x3c00, 0xc000, 0x0001, 0x7bff, 0x7c00, 0x8000].map(halfToFloat)).toEqual([
      1,
      -2,
      2 ** -24,
      65504,
      Number.POSITIVE_INFINITY,
      -0,
    ]);
    expect([0x3f80, 0xc000, 0x7f80, 0x0001].map(bfloat16ToFloat)).toEqual([1, -2, Number.POSITIVE_INFINITY, 2 ** -133]);
    expect(halfToFloat(0x7e00)).toBeNaN();
  });
});
