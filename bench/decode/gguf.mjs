/**
 * Writes a randomly initialized GPT-2 as f32 GGUF, the format llama.cpp reads. Token texts are their ids.
 * https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
 */
import { closeSync, openSync, writeSync } from "node:fs";

const VERSION = 3;
const ALIGNMENT = 32;
const [UINT32, FLOAT32, STRING, STRINGS] = [4, 6, 8, 9];
const F32_TENSOR = 0;

const bytesOf = (array) => Buffer.from(array.buffer, array.byteOffset, array.byteLength);
const uint32 = (value) => bytesOf(Uint32Array.of(value));
const uint64 = (value) => bytesOf(BigUint64Array.of(BigInt(value)));
const string = (text) => Buffer.concat([uint64(Buffer.byteLength(text)), Buffer.from(text)]);

const WRITERS = {
  [UINT32]: uint32,
  [FLOAT32]: (value) => bytesOf(Float32Array.of(value)),
  [STRING]: string,
  // An array starts with the type of its elements.
  [STRINGS]: (values) => Buffer.concat([uint32(STRING), uint64(values.length), ...values.map(string)]),
};

function metadata({ numLayers, hiddenSize, numHeads, vocabularySize, maxPositions }) {
  return [
    ["general.architecture", STRING, "gpt2"],
    ["general.file_type", UINT32, 0],
    ["gpt2.context_length", UINT32, maxPositions],
    ["gpt2.embedding_length", UINT32, hiddenSize],
    ["gpt2.block_count", UINT32, numLayers],
    ["gpt2.feed_forward_length", UINT32, 4 * hiddenSize],
    ["gpt2.attention.head_count", UINT32, numHeads],
    ["gpt2.attention.layer_norm_epsilon", FLOAT32, 1e-5],
    ["gpt2.vocab_size", UINT32, vocabularySize],
    ["tokenizer.ggml.model", STRING, "gpt2"],
    ["tokenizer.ggml.tokens", STRINGS, Array.from({ length: vocabularySize }, (_, id) => `${id}`)],
    ["tokenizer.ggml.merges", STRINGS, []],
  ];
}

/** Names and shapes, innermost dimension first. The output head is tied to the embedding. */
function tensors({ numLayers, hiddenSize: h, vocabularySize, maxPositions }) {
  const linear = (name, inputs, outputs) => [
    [`${name}.weight`, [inputs, outputs]],
    [`${name}.bias`, [outputs]],
  ];
  const norm = (name) => [
    [`${name}.weight`, [h]],
    [`${name}.bias`, [h]],
  ];
  const layers = Array.from({ length: numLayers }, (_, i) => [
    ...norm(`blk.${i}.attn_norm`),
    ...linear(`blk.${i}.attn_qkv`, h, 3 * h),
    ...linear(`blk.${i}.attn_output`, h, h),
    ...norm(`blk.${i}.ffn_norm`),
    ...linear(`blk.${i}.ffn_up`, h, 4 * h),
    ...linear(`blk.${i}.ffn_down`, 4 * h, h),
  ]);
  const ends = [
    ["token_embd.weight", [h, vocabularySize]],
    ["position_embd.weight", [h, maxPositions]],
    ...norm("output_norm"),
  ];
  return [...ends, ...layers.flat()];
}

/** Ones for norm weights, otherwise uniform numbers with standard deviation 0.02. */
function values(name, count, state) {
  if (name.includes("norm.weight")) return new Float32Array(count).fill(1);
  return Float32Array.from({ length: count }, () => {
    state.seed = (Math.imul(state.seed, 1_664_525) + 1_013_904_223) | 0;
    return (state.seed / 2 ** 31) * 0.02 * Math.sqrt(3);
  });
}

/** Writes a model with this configuration to `path`. */
export function writeRandomGpt2(path, config) {
  const all = tensors(config).map(([name, shape]) => ({ name, shape, count: shape.reduce((a, b) => a * b) }));
  const entries = metadata(config);
  let offset = 0;
  const infos = all.map(({ name, shape, count }) => {
    const info = [string(name), uint32(shape.length), ...shape.map(uint64), uint32(F32_TENSOR), uint64(offset)];
    offset += Math.ceil((4 * count) / ALIGNMENT) * ALIGNMENT;
    return Buffer.concat(info);
  });
  const header = Buffer.concat([
    Buffer.from("GGUF"),
    uint32(VERSION),
    uint64(all.length),
    uint64(entries.length),
    ...entries.map(([key, type, value]) => Buffer.concat([string(key), uint32(type), WRITERS[type](value)])),
    ...infos,
  ]);
  const padding = (length) => Buffer.alloc((ALIGNMENT - (length % ALIGNMENT)) % ALIGNMENT);
  const file = openSync(path, "w");
  try {
    const state = { seed: 1 };
    for (const part of [header, padding(header.length)]) writeSync(file, part);
    for (const { name, count } of all) {
      writeSync(file, bytesOf(values(name, count, state)));
      writeSync(file, padding(4 * count));
    }
  } finally {
    closeSync(file);
  }
}
