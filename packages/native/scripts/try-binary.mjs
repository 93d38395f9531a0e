/**
 * Loads a compiled addon and multiplies matrices on all threads, to check that a binary works on a machine that has only
 * Node.
 *
 *     node scripts/try-binary.mjs megatron-native.linux-x64-musl.node
 */
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { resolve } from "node:path";

const path = resolve(process.argv[2]);
const { Engine, instructionSets } = createRequire(import.meta.url)(path);
const engine = new Engine(0);
const [float32, rows, columns, inputs] = [0, 300, 200, 257];
const a = engine.fill(float32, rows * inputs, 0.5);
const b = engine.fill(float32, inputs * columns, 2);
const product = engine.matMul(a, b, Int32Array.of(0, 0), rows, inputs, columns, false, true);
const values = new Float32Array(engine.read(product));
assert.equal(values.length, rows * columns);
assert.ok(values.every((value) => value === inputs));
console.log(`${path} works: threads ${engine.threads()}, ${instructionSets().join(" ") || "no instruction sets"}`);
