/**
 * Writes the batches that train.mjs trains on, for the PyTorch twin: u16 [steps, batch, sequence + 1].
 *
 *     node bench/recipe/batches.mjs '{"corpus": DIRECTORY, "steps": 4000, "seed": 0, "output": FILE}'
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { createPackedSamples, openDataset } from "@megatron-ts/data";
import { starterBatch } from "@megatron-ts/train";

const { corpus, steps, seed, output } = JSON.parse(process.argv[2]);
const { sequenceLength, batchSize } = starterBatch;
const dataset = await openDataset(join(corpus, "training"));
const samples = createPackedSamples({ dataset, documents: dataset.documentsOf("all"), sequenceLength, seed });
const all = new Uint16Array(steps * batchSize * (sequenceLength + 1));
for (let i = 0; i < steps * batchSize; i++) all.set(samples.at(i).tokens, i * (sequenceLength + 1));
writeFileSync(output, all);
process.stdout.write(`${JSON.stringify({ steps })}\n`);
