/** `megatron explain` on a tiny model: what it prints and writes, and the mistakes that a user can make. */
import { readFileSync } from "node:fs";
import type { Explanation } from "@megatron-ts/explain";
import type { NeuronPassages } from "@megatron-ts/explain/passages";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { megatron, megatronJson } from "./testing/megatron.ts";
import { createSandbox, prepareCorpus } from "./testing/sandbox.ts";

const sandbox = createSandbox();
const { path } = sandbox;

beforeAll(async () => {
  await prepareCorpus(sandbox);
  expect((await megatron("pretrain", sandbox.recipe("recipe.yaml", "runs/a"), "--train.steps", "2")).code).toBe(0);
});
afterAll(sandbox.remove);

describe("megatron explain", () => {
  it("prints what a text's next token comes from, and writes it as a page", async () => {
    const html = path("explained.html");
    const { code, stdout } = await megatron("explain", path("runs/a"), "--text", "the white", "--html", html);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^Likeliest: ".*" \d/);
    expect(stdout).toMatch(/complete within 0\.\d %/);
    expect(stdout).toMatch(/embedding .*\n {2}layer 1 .*\n {2}layer 2 /);
    expect(readFileSync(html, "utf8")).toMatch(/^<!doctype html>.*<img alt="Layer 2, head 2: /s);
  });

  it("gives all of it as JSON", async () => {
    const options = ["--text", "the white", "--target", " whale", "--top-k", "2"];
    const found = await megatronJson<Record<string, unknown[]>>("explain", path("runs/a"), ...options);
    expect(found).toMatchObject({ kind: "next-token", outputs: [{}, {}], heads: [{}, {}], attention: [{}, {}] });
  });

  it("finds what the model writes, or a text, in the data that it was trained on", async () => {
    const asked = ["explain", path("runs/a"), "--text", "Call me Ishmael. Some years", "--no-attention"];
    const html = path("passages.html");
    const { code, stdout } = await megatron(...asked, "--data", "--html", html);
    expect(code).toBe(0);
    expect(stdout).toMatch(
      /\n +\d+ {2}"Call me Ishmael. Some years", .*corpus_text_document, document \d+, token 0: "Call/,
    );
    expect(readFileSync(html, "utf8")).toContain("<mark>Call me Ishmael. Some years</mark>");
    const { passages } = await megatronJson<{ passages: { tokens: number; text: string } }>(
      ...asked,
      ...["--write", "8", "--data", path("data/corpus")],
    );
    expect(passages.tokens).toBeGreaterThanOrEqual(3);
    expect(passages.text).not.toContain("Ishmael. Some years");
    for (const [options, message] of [
      [["--write", "4"], /--data/],
      [["--neuron", "2:3"], /--data/],
      [["--neuron", "0:3", "--data"], /--neuron .*3:17/],
      [["--neuron", "9:3", "--data"], /no such layer: .*2 layers/],
      [["--data", path("none")], /none: no such dataset/],
    ] as const) {
      const refused = await megatron(...asked, ...options);
      expect([refused.code, refused.stdout]).toEqual([2, ""]);
      expect(refused.stderr.trim().split("\n").at(-1)).toMatch(message);
    }
  });

  it("finds the passages that make a neuron most active", async () => {
    const asked = ["explain", path("runs/a"), "--text", "Call me", "--no-attention", "--data", "--neuron", "2:3"];
    const { code, stdout } = await megatron(...asked, "--top-k", "2");
    expect(code).toBe(0);
    expect(stdout).toMatch(/Neurons most active at " me", by layer and number: \d:\d+ \(/);
    expect(stdout).toMatch(
      /Neuron 3 of layer 2 is most active in:\n( +-?\d+\.\d\d at ".*", .*, document \d+, token \d+:\n( +".+" -?\d+\.\d\d)+\n?){2}$/,
    );
    const html = path("neuron.html");
    const strongest = ["explain", path("runs/a"), "--text", "Call me", "--neuron", "--data", path("data/corpus")];
    const found = await megatronJson<Pick<Explanation, "neurons"> & { neuronPassages: NeuronPassages }>(
      ...strongest,
      ...["--html", html],
    );
    const { layer, neuron, passages } = found.neuronPassages;
    expect({ layer, neuron }).toEqual({ layer: found.neurons[0]!.layer, neuron: found.neurons[0]!.neuron });
    const highest = passages.map(({ tokens }) => Math.max(...tokens.map(({ activation }) => activation)));
    expect(highest).toEqual(passages.map(({ tokens, peak }) => tokens[peak]!.activation));
    expect(highest).toEqual([...highest].sort((a, b) => b - a));
    expect(readFileSync(html, "utf8")).toContain(`What makes neuron ${neuron + 1} of layer ${layer + 1} most active`);
  });

  it("ends with one line for a text that is too long", async () => {
    const { code, stderr } = await megatron("explain", path("runs/a"), "--text", "whale ".repeat(99));
    expect(code).toBe(2);
    expect(stderr.trim().split("\n").at(-1)).toMatch(/tokens, but the model takes at most 48/);
  });
});
