/**
 * What earlier versions wrote loads with equal results (fixtures/versions): tokenizers give the same ids, datasets the same
 * samples, checkpoints the same losses and texts, and a run resumes to the losses that its own version reached.
 */
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { createPackedSamples, openDataset, type TextCounts } from "@megatron-ts/data";
import { loadTokenizer } from "@megatron-ts/tokenizer/files";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { megatron, megatronJson } from "./testing/megatron.ts";

const fixtures = fileURLToPath(new URL("../../../fixtures/versions/", import.meta.url));
const versions = readdirSync(fixtures, { withFileTypes: true }).filter((entry) => entry.isDirectory());

interface Mask {
  id: number;
  token: string;
  probability: number;
}
/** What a version computed from its own files, and the options of the commands that did. */
interface Expected {
  texts: string[];
  tokenizers: Record<string, { fingerprint: string; vocabularySize: number; ids: number[][]; decoded: string[] }>;
  datasets: Record<
    string,
    {
      counts: TextCounts;
      split: object;
      sequences: number;
      documents: number;
      sequenceLength: number;
      samples: number[][];
    }
  >;
  runs: Record<
    string,
    {
      evaluate: string[];
      generate: string[];
      losses: number[];
      text: string;
      masks?: Mask[][];
      resumedLosses: { step: number; loss: number }[];
    }
  >;
  exports: Record<string, { evaluate: string[]; losses: number[] }>;
}

/**
 * The `cpu` backend computes in JavaScript, so results do not depend on the processor; this leaves room for another order of
 * float32 additions and for other versions of V8's `Math`, and for nothing else.
 */
const TOLERANCE = 1e-5;
const expectClose = (actual: readonly number[], expected: readonly number[]) => {
  expect(actual.length).toBe(expected.length);
  for (const [i, value] of actual.entries()) {
    expect(Math.abs(value - expected[i]!) / Math.abs(expected[i]!), `${value}, not ${expected[i]}`).toBeLessThan(
      TOLERANCE,
    );
  }
};

const home = process.cwd();
const directory = mkdtempSync(join(tmpdir(), "megatron-versions-"));
beforeAll(() => {
  cpSync(fixtures, directory, { recursive: true });
});
afterAll(() => {
  process.chdir(home);
  rmSync(directory, { recursive: true, force: true });
});

describe.each(versions.map(({ name }) => name))("written by %s", (version) => {
  const expected = JSON.parse(readFileSync(join(fixtures, version, "expected.json"), "utf8")) as Expected;
  // The recipes name their files relative to here.
  beforeAll(() => process.chdir(join(directory, version)));

  const evaluate = async (checkpoint: string, options: string[]) => {
    const command = ["evaluate", checkpoint, ...options, "--backend", "cpu"];
    const { metrics } = await megatronJson<{ metrics: { loss: number }[] }>(...command);
    return metrics.map(({ loss }) => loss);
  };

  const { texts } = expected;
  it.each(Object.entries(expected.tokenizers))("the tokenizer %s gives the same ids", async (name, tokens) => {
    const { fingerprint, vocabularySize, ids, decoded } = tokens;
    const tokenizer = await loadTokenizer(`tokenizers/${name}`);
    expect({ fingerprint: tokenizer.fingerprint, vocabularySize: tokenizer.vocabularySize }).toEqual({
      fingerprint,
      vocabularySize,
    });
    expect(texts.map((text) => [...tokenizer.encode(text)])).toEqual(ids);
    expect(ids.map((row) => tokenizer.decode(row))).toEqual(decoded);
  });

  it.each(Object.entries(expected.datasets))("the dataset %s gives the same samples", async (name, contents) => {
    const { samples, counts, split, sequences, documents, sequenceLength } = contents;
    const dataset = await openDataset(`data/${name}`);
    try {
      expect(dataset.sidecar).toMatchObject({ counts, split });
      expect({ sequences: dataset.sequences, documents: dataset.documents }).toEqual({ sequences, documents });
      const train = dataset.documentsOf("train");
      const source = createPackedSamples({ dataset, documents: train, sequenceLength, seed: 1 });
      expect([0, 1, 100].map((index) => [...source.at(index).tokens])).toEqual(samples);
    } finally {
      dataset.close();
    }
  });

  describe.each(Object.entries(expected.runs))("the run %s", (name, run) => {
    const { losses, text, masks, resumedLosses } = run;
    const path = `runs/${name}`;

    it("evaluates to the same losses", async () => {
      expectClose(await evaluate(path, run.evaluate), losses);
    });

    it("generates the same text", async () => {
      const command = ["generate", path, ...run.generate, "--backend", "cpu"];
      const generated = await megatronJson<{ text: string; masks?: Mask[][] }>(...command);
      expect(generated.text).toBe(text);
      const alternatives = (found?: Mask[][]) => found?.flat().map(({ id, token }) => ({ id, token }));
      expect(alternatives(generated.masks)).toEqual(alternatives(masks));
      const probabilities = (found: Mask[][] = []) => found.flat().map(({ probability }) => probability);
      expectClose(probabilities(generated.masks), probabilities(masks));
    });

    it("resumes to the same losses, and only what was changed counts as changed", async () => {
      const recipe = `${path}/step-00000004/recipe.yaml`;
      const options = ["--resume", "auto", "--train.steps", "6", "--backend", "cpu"];
      const { code, stderr } = await megatron("pretrain", recipe, ...options);
      expect(code, stderr).toBe(0);
      const changes = stderr.split("\n").filter((line) => line.includes(" -> "));
      expect(changes.map((line) => /[\w.]+: \S+ -> \S+$/.exec(line)?.[0])).toEqual([
        "train.steps: 4 -> 6",
        'engine.backend: null -> "cpu"',
      ]);
      const metrics = readFileSync(`${path}/metrics.jsonl`, "utf8").trim().split("\n");
      const records = metrics.map((line) => JSON.parse(line) as { step: number; loss?: number });
      const resumed = records.filter((record) => record.step > 4 && record.loss !== undefined);
      expect(resumed.map(({ step }) => step)).toEqual(resumedLosses.map(({ step }) => step));
      expectClose(
        resumed.map(({ loss }) => loss!),
        resumedLosses.map(({ loss }) => loss),
      );
    });
  });

  it.each(Object.entries(expected.exports))("the export %s imports to the same losses", async (name, exported) => {
    await megatronJson("import", `exports/${name}`, `imported/${name}`);
    expectClose(await evaluate(`imported/${name}`, exported.evaluate), exported.losses);
  });
});
