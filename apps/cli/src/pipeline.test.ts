/** The whole pipeline on real text: tokenizer, dataset, training, evaluation, generation. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { loadTokenizer } from "@megatron-ts/tokenizer/files";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { megatron, megatronJson } from "./testing/megatron.ts";
import { chapter, createSandbox, prepareCorpus } from "./testing/sandbox.ts";

const sandbox = createSandbox();
const { path, file } = sandbox;

beforeAll(async () => {
  await prepareCorpus(sandbox);
  const { code, stderr } = await megatron("pretrain", sandbox.recipe("recipe.yaml", "runs/a"));
  expect(stderr).toContain("step 20/20");
  expect(code).toBe(0);
});
afterAll(sandbox.remove);

describe("megatron tokenizer", () => {
  it("trains on files of several formats, with the requested vocabulary size", async () => {
    const lines = [5, 6, 7].map((number) => JSON.stringify({ text: chapter(number) })).join("\n");
    const inputs = [file("one.txt", chapter(8)), file("more.jsonl", lines)];
    const output = path("several");
    const train = ["tokenizer", "train", "--input", ...inputs, "--vocab-size", "700", "--output", output];
    expect(await megatronJson(...train)).toMatchObject({ output, vocabularySize: 700, documents: 4, skippedLines: 0 });
    const tokenizer = await loadTokenizer(output);
    expect(tokenizer.decode(tokenizer.encode(chapter(9)))).toBe(chapter(9));
  });

  it("encodes a text as ids, and as tokens with --json", async () => {
    const tokenizer = await loadTokenizer(path("tok"));
    const text = "Call me Ishmael.";
    const { stdout } = await megatron("tokenizer", "encode", path("tok"), text);
    const ids = stdout.trim().split(" ").map(Number);
    expect(tokenizer.decode(ids)).toBe(text);
    const json = await megatronJson<{ ids: number[]; tokens: string[] }>("tokenizer", "encode", path("tok"), text);
    expect(json.ids).toEqual(ids);
    expect(json.tokens.join("")).toBe("CallĠmeĠIshmael.");
  });
});

describe("megatron prepare", () => {
  it("writes the index, the tokens and a sidecar with the split", async () => {
    const names = readdirSync(path("data")).sort();
    expect(names).toEqual(["bin", "idx", "json"].map((kind) => `corpus_text_document.${kind}`));
    const sidecar = JSON.parse(readFileSync(path("data/corpus_text_document.json"), "utf8"));
    expect(sidecar.split.weights).toEqual([80, 10, 10]);
    const { train, validation, test } = sidecar.split;
    expect(train.tokens + validation.tokens + test.tokens).toBe(sidecar.counts.tokens);
  });

  it("reads JSON lines by --json-key and counts what it skips", async () => {
    const lines = ['{"body":"one two"}', "{oops", '{"body":"three"}'].join("\n");
    const input = file("bodies.jsonl", lines);
    const prepare = ["prepare", "--input", input, "--json-key", "body", "--tokenizer", path("tok"), "--workers", "0"];
    const result = await megatronJson(...prepare, "--output", path("bodies"), "--split", "1", "--skip-bad-lines");
    expect(result).toMatchObject({ prefix: path("bodies_body_document"), counts: { documents: 2 } });
    expect(result).toMatchObject({ skipped: { badLines: 1 } });
  });
});

describe("megatron pretrain", () => {
  it("prints a line per interval and evaluation, and writes logs, recipe and checkpoints", () => {
    const names = readdirSync(path("runs/a")).sort();
    expect(names).toEqual(["metrics.jsonl", "recipe.yaml", "step-00000010", "step-00000020", "tensorboard"]);
    const steps = readFileSync(path("runs/a/metrics.jsonl"), "utf8")
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(steps.filter(({ loss }) => loss !== undefined).map(({ step }) => step)).toEqual([1, 5, 10, 15, 20]);
    expect(steps.filter(({ validationLoss }) => validationLoss !== undefined).map(({ step }) => step)).toEqual([
      10, 20,
    ]);
  });

  it("takes recipe fields as options, and reports changed values when resuming", async () => {
    const recipe = sandbox.recipe("other.yaml", "elsewhere");
    const options = ["--run.directory", path("runs/b"), "--resume", "auto"];
    const first = await megatronJson("pretrain", recipe, "--train.steps=3", ...options);
    expect(first).toMatchObject({ directory: path("runs/b"), reason: "completed", step: 3 });
    expect((first as { energy: { kilowattHours: number } }).energy.kilowattHours).toBeGreaterThan(0);
    const second = await megatron("pretrain", recipe, "--train.steps", "5", ...options);
    expect(second.stderr).toMatch(/train\.steps: 3 -> 5/);
    expect(second.stderr).toContain(`resumed from ${join(path("runs/b"), "step-00000003")} at step 3 of 5`);
    expect(second.stdout).toBe(`${path("runs/b")}: completed at step 5\n`);
    const third = await megatronJson("pretrain", recipe, "--train.steps", "5", ...options);
    expect(third).toMatchObject({ reason: "already complete", step: 5 });
    expect(existsSync(path("elsewhere"))).toBe(false);
  });

  it("reports the backend and why it was chosen", async () => {
    const recipe = sandbox.recipe("backend.yaml", "runs/backend");
    const { stderr } = await megatron("pretrain", recipe, "--train.steps", "1", "--backend", "cpu");
    expect(stderr).toMatch(/^engine: cpu, 1 thread /m);
  });
});

interface Evaluation {
  loss: number;
  perplexity: number;
  bitsPerByte: number;
  tokens: number;
}

describe("megatron evaluate", () => {
  const evaluate = (run: string, ...more: string[]) =>
    megatronJson<Evaluation>("evaluate", path(run), "--data", path("data/corpus"), ...more);

  it("reports perplexity and bits per byte of a whole split, lower for a trained model", async () => {
    const { split } = JSON.parse(readFileSync(path("data/corpus_text_document.json"), "utf8"));
    const result = await evaluate("runs/a", "--split", "test");
    expect(result.tokens).toBe(split.test.tokens);
    expect(result.perplexity).toBeCloseTo(Math.exp(result.loss), 6);
    expect(result.bitsPerByte).toBeCloseTo((result.loss * result.tokens) / Math.LN2 / split.test.bytes, 8);
    const barelyTrained = await megatronJson<Evaluation>(
      "pretrain",
      path("recipe.yaml"),
      "--train.steps",
      "1",
      "--run.directory",
      path("runs/one"),
      "--train.optimizer.learningRate",
      "1e-9",
    );
    expect(barelyTrained).toMatchObject({ step: 1 });
    const untrained = await evaluate("runs/one", "--split", "test");
    expect(untrained.loss).toBeGreaterThan(Math.log(512) - 0.1);
    expect(result.loss).toBeLessThan(untrained.loss - 0.5);
  });

  it("scores every token once, whatever the windows", async () => {
    const whole = await evaluate("runs/a");
    for (const more of [
      ["--stride", "8"],
      ["--sequence-length", "16"],
      ["--batch-size", "3"],
    ]) {
      expect((await evaluate("runs/a", ...more)).tokens).toBe(whole.tokens);
    }
    const batches = await evaluate("runs/a", "--batch-size", "3");
    expect(batches.loss).toBeCloseTo(whole.loss, 5);
  });

  it("prints a table without --json", async () => {
    const { stdout } = await megatron("evaluate", path("runs/a"), "--data", path("data/corpus"));
    expect(stdout).toMatch(
      /^.*step-00000020 on .*corpus_text_document, test: [\d,]+ tokens\n {2}loss +\d+\.\d{4} nats/,
    );
    expect(stdout).toMatch(/\n {2}bits per byte +\d+\.\d{4}/);
  });
});

interface Generation {
  prompt: string;
  text: string;
  promptTokens: number;
  generatedTokens: number;
  finishReason: string;
}

describe("megatron generate", () => {
  const generate = (...more: string[]) =>
    megatronJson<Generation>("generate", path("runs/a"), "--prompt", "Call me", ...more);

  it("continues a prompt, reproducibly by seed", async () => {
    const sampling = ["--max-tokens", "16", "--temperature", "0.8", "--top-k", "40", "--top-p", "0.95"];
    const first = await generate(...sampling, "--seed", "1");
    expect(first).toMatchObject({ prompt: "Call me", generatedTokens: 16, finishReason: "length" });
    expect((await generate(...sampling, "--seed", "1")).text).toBe(first.text);
    expect((await generate(...sampling, "--seed", "2")).text).not.toBe(first.text);
  });

  it("says the same with a draft, greedily, and how many proposals were accepted", async () => {
    const greedy = ["--max-tokens", "16", "--temperature", "0"];
    const { text } = await generate(...greedy);
    const drafted = await generate(...greedy, "--draft", path("runs/a/step-00000010"), "--draft-tokens", "3");
    expect(drafted).toMatchObject({ text, drafted: { proposed: expect.any(Number), accepted: expect.any(Number) } });
    const itself = await generate(...greedy, "--draft", path("runs/a"));
    // The first token follows the prompt; three turns of four proposals and a token of the model's own.
    expect(itself).toMatchObject({ text, drafted: { proposed: 12, accepted: 12 } });
  });

  it("starts an empty prompt after the end of a text", async () => {
    const { text, promptTokens } = await megatronJson<Generation>(
      ...["generate", path("runs/a"), "--prompt", "", "--max-tokens", "4", "--temperature", "0"],
    );
    expect(promptTokens).toBe(1);
    expect(text).not.toBe("");
  });

  it("samples from all tokens with --top-k 0 and --top-p 1", async () => {
    const { text } = await generate("--max-tokens", "16", "--seed", "1");
    expect((await generate("--max-tokens", "16", "--seed", "1", "--top-k", "0", "--top-p", "1")).text).toBe(text);
  });

  it("streams the prompt and the same text", async () => {
    const { text } = await generate("--max-tokens", "8", "--temperature", "0");
    const command = ["generate", path("runs/a"), "--prompt", "Call me", "--max-tokens", "8", "--temperature", "0"];
    expect((await megatron(...command)).stdout).toBe(`Call me${text}\n`);
  });

  it("ends before a stop string", async () => {
    const { text } = await generate("--max-tokens", "24", "--temperature", "0");
    const stop = text.slice(5, 8);
    const stopped = await generate("--max-tokens", "24", "--temperature", "0", "--stop", stop);
    expect(stopped).toMatchObject({ finishReason: "stop", text: text.slice(0, text.indexOf(stop)) });
  });

  it("prints the best texts of beam search", async () => {
    const command = ["generate", path("runs/a"), "--prompt", "Call me", "--max-tokens", "6", "--beams", "3"];
    const { beams } = await megatronJson<{ beams: { text: string; score: number }[] }>(...command, "--n-best", "2");
    expect(beams).toHaveLength(2);
    expect(beams[0]!.score).toBeGreaterThan(beams[1]!.score);
    expect((await megatron(...command)).stdout).toBe(`Call me${beams[0]!.text}\n`);
  });
});
