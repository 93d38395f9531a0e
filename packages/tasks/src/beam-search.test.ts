/**
 * Beam search gives the sequences and scores of transformers with the tiny models of other fixtures: fixtures/beam/make.py. It
 * is here since packages/generate imports no models.
 */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { importHuggingFace, loadModel } from "@megatron-ts/checkpoint";
import { start } from "@megatron-ts/engine";
import { type BeamOptions, beamSearch } from "@megatron-ts/generate";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

interface Golden {
  maxNewTokens: number;
  startToken: number;
  stopTokens: Record<string, number[]>;
  cases: {
    model: string;
    causal: boolean;
    prompts: number[][];
    setting: {
      num_beams: number;
      num_return_sequences?: number;
      num_beam_groups?: number;
      diversity_penalty?: number;
      length_penalty?: number;
      early_stopping?: boolean | "never";
      no_repeat_ngram_size?: number;
    };
    beams: { tokens: number[]; score: number }[][];
  }[];
}

const fixture = (name: string) => fileURLToPath(new URL(`../../../fixtures/${name}`, import.meta.url));
const read = (name: string): Golden => JSON.parse(readFileSync(fixture(`beam/${name}`), "utf8"));
const golden = read("golden.json");
const diverse = read("diverse.json");
const directory = mkdtempSync(join(tmpdir(), "megatron-beams-"));
afterAll(() => rmSync(directory, { recursive: true, force: true }));
beforeAll(() => start({ backend: process.env.MEGATRON_BACKEND ?? "wasm" }));

const optionsOf = (setting: Golden["cases"][number]["setting"]): BeamOptions => ({
  numBeams: setting.num_beams,
  numReturn: setting.num_return_sequences,
  numBeamGroups: setting.num_beam_groups,
  diversityPenalty: setting.diversity_penalty,
  lengthPenalty: setting.length_penalty,
  earlyStopping: setting.early_stopping,
  noRepeatNgramSize: setting.no_repeat_ngram_size,
});

describe.each(Object.keys(golden.stopTokens))("beam search with %s", (name) => {
  it("finds the sequences of transformers, for prompts of different lengths in one batch", async () => {
    const imported = join(directory, name.replaceAll("/", "-"));
    await importHuggingFace(fixture(name), imported);
    const { model, checkpoint } = loadModel(imported);
    checkpoint.close();
    const cases = [golden, diverse].flatMap((from) =>
      from.cases.map((one) => ({ ...one, stopTokens: from.stopTokens[name] })),
    );
    for (const { prompts, setting, beams, stopTokens } of cases.filter((one) => one.model === name)) {
      const found = beamSearch(model, prompts, {
        ...optionsOf(setting),
        maxTokens: golden.maxNewTokens,
        startToken: golden.startToken,
        stopTokens,
      });
      const tokensOf = (rows: { tokens: number[] }[][]) => rows.map((row) => row.map(({ tokens }) => tokens));
      expect(tokensOf(found), JSON.stringify(setting)).toEqual(tokensOf(beams));
      for (const [row, expected] of beams.entries()) {
        for (const [rank, { score }] of expected.entries()) {
          expect(Math.abs(found[row]![rank]!.score - score)).toBeLessThan(1e-4 * Math.max(1, Math.abs(score)));
        }
      }
    }
    model.dispose();
  });
});
