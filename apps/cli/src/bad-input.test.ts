/** User mistakes: each gives one clear line and exit code 2, never a stack trace, and loses no data. */
import { cpSync, existsSync, readdirSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { loadCheckpoint, saveCheckpoint } from "@megatron-ts/checkpoint";
import { takeLock } from "@megatron-ts/data";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { megatron, megatronJson, type Outcome } from "./testing/megatron.ts";
import { createSandbox, prepareCorpus } from "./testing/sandbox.ts";

const sandbox = createSandbox();
const { path, file } = sandbox;
let recipe: string;

beforeAll(async () => {
  await prepareCorpus(sandbox);
  recipe = sandbox.recipe("recipe.yaml", "runs/a");
  expect((await megatron("pretrain", recipe, "--train.steps", "2")).code).toBe(0);
});
afterAll(sandbox.remove);

/** Expects one line on stderr besides the engine's, exit code 2, and nothing on stdout. */
function expectMistake({ code, stdout, stderr }: Outcome, message: string | RegExp) {
  const lines = stderr
    .trimEnd()
    .split("\n")
    .filter((line) => !line.startsWith("engine: "));
  expect(lines).toHaveLength(1);
  expect(lines[0]).toMatch(message);
  expect(lines[0]).toMatch(/^error: /);
  expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
}

const train = (input: string, ...more: string[]) =>
  megatron("tokenizer", "train", "--input", input, "--vocab-size", "300", "--output", path("none"), ...more);
const prepare = (input: string, ...more: string[]) =>
  megatron(
    "prepare",
    "--input",
    input,
    "--tokenizer",
    path("tok"),
    "--output",
    path("none"),
    "--workers",
    "0",
    ...more,
  );
const evaluate = (run: string, data = path("data/corpus"), ...more: string[]) =>
  megatron("evaluate", run, "--data", data, ...more);
const generate = (run: string, prompt: string, ...more: string[]) =>
  megatron("generate", run, "--prompt", prompt, "--max-tokens", "4", ...more);

describe("text files", () => {
  it("that are missing, empty or directories without text", async () => {
    expectMistake(await train(path("missing.txt")), /missing\.txt: no such file/);
    expectMistake(await prepare(file("empty.txt", "")), /empty\.txt: .*empty/);
    expectMistake(await prepare(path("runs/a/tensorboard")), /tensorboard/);
    expectMistake(await train(file("picture.png", "x")), /picture\.png: .*format/);
    expectMistake(await train(path("a.txt"), "--output", path("a.txt")), /a\.txt: a file with that name/);
    const frequent = ["--type", "t5", "--min-frequency", "2"];
    expectMistake(await train(path("a.txt"), ...frequent), /--min-frequency .*t5/);
  });

  it("for a tokenizer that would replace another one", async () => {
    expectMistake(await train(path("a.txt"), "--output", path("tok")), /tok\/tokenizer\.json: .*--overwrite/);
    const once = ["--output", path("replaced"), "--json"];
    const first = JSON.parse((await train(path("a.txt"), ...once)).stdout);
    const second = await train(path("a.txt"), ...once, "--overwrite", "--vocab-size", "310");
    expect([first.vocabularySize, JSON.parse(second.stdout).vocabularySize]).toEqual([300, 310]);
  });

  it("with invalid UTF-8 or malformed JSON are reported with the line number, or skipped and counted", async () => {
    const invalid = Buffer.concat([Buffer.from('{"text":"one"}\n{"text":"'), Buffer.of(0xff), Buffer.from('"}\n')]);
    expectMistake(await prepare(file("invalid.jsonl", invalid)), /invalid\.jsonl:2: invalid UTF-8$/);
    expectMistake(await train(file("invalid.txt", invalid)), /invalid\.txt:2: invalid UTF-8$/);
    const broken = file("broken.jsonl", '{"text":"one"}\n{"text":"two"}\n{"text"\n{"body":"no"}\n');
    expectMistake(await prepare(broken), /broken\.jsonl:3: malformed JSON/);
    expectMistake(await train(broken), /broken\.jsonl:3: malformed JSON/);
    const skipping = await train(broken, "--skip-bad-lines", "--json");
    expect(JSON.parse(skipping.stdout)).toMatchObject({ documents: 2, skippedLines: 2 });
    expect(skipping.stderr).toMatch(/skipped: .*broken\.jsonl:3: .*\nskipped: .*broken\.jsonl:4: /);
  });
});

describe("recipes", () => {
  const pretrain = (...more: string[]) => megatron("pretrain", recipe, "--run.directory", path("runs/none"), ...more);

  it("with an unknown field, reporting the line and the closest valid name", async () => {
    const misspelt = file("misspelt.yaml", readFileSync(recipe, "utf8").replace("  evaluation:", "  evalution:"));
    const line =
      readFileSync(misspelt, "utf8")
        .split("\n")
        .findIndex((text) => text.includes("evalution")) + 1;
    const expected = `misspelt\\.yaml:${line}: train\\.evalution: .*evaluation`;
    expectMistake(await megatron("pretrain", misspelt), new RegExp(expected));
    expectMistake(await pretrain("--train.stps", "5"), /--train\.stps: .*steps/);
    expect(existsSync(path("runs/none"))).toBe(false);
  });

  it("with contradictions", async () => {
    expectMistake(await pretrain("--model.hiddenSize", "33"), /--model\.hiddenSize: .*33.*2/);
    expectMistake(await pretrain("--train.microBatchSize", "3"), /train\.batchSize: /);
    expectMistake(await pretrain("--data.sequenceLength", "64"), /--data\.sequenceLength: .*model\.maxPositions/);
  });

  it("with a split that is impossible or not supported yet", async () => {
    expectMistake(await pretrain("--parallel.data", "3"), /train\.batchSize: .*parallel\.data/);
    expectMistake(await pretrain("--parallel.tensor", "3"), /--parallel\.tensor: .*numHeads/);
    expectMistake(await pretrain("--parallel.pipeline", "99"), /--parallel\.pipeline: /);
    expectMistake(await pretrain("--parallel.data", "2", "--profile", path("trace.json")), /--profile /);
  });

  it("with invalid or missing values", async () => {
    expectMistake(await pretrain("--train.steps", "many"), /--train\.steps: expected/);
    expectMistake(await pretrain("--train.steps", "--resume", "auto"), /--train\.steps: .*value/);
    expectMistake(await megatron("pretrain", path("missing.yaml")), /missing\.yaml: no such file/);
    expectMistake(await megatron("pretrain", file("torn.yaml", "model: {")), /torn\.yaml:1: /);
  });

  it("in a directory that another process is training in", async () => {
    const release = takeLock(path("runs/a/lock"), { refuse: () => new Error("is free") });
    expectMistake(await megatron("pretrain", recipe, "--resume", "auto"), /runs\/a .*process \d+/);
    release();
  });

  it("that would overwrite another run", async () => {
    expectMistake(await megatron("pretrain", recipe), /step 2\b.*--resume auto/);
  });

  it("with a model that differs from the checkpoint", async () => {
    const resume = ["--resume", path("runs/a")];
    expectMistake(await pretrain("--model.numLayers", "3", ...resume), /model\.numLayers: .*2.*checkpoint/);
  });
});

describe("mismatches", () => {
  it("of tokenizer, dataset and checkpoint", async () => {
    const text = path("a.txt");
    const other = path("other");
    expect((await megatron("tokenizer", "train", "--input", text, "--vocab-size", "400", "--output", other)).code).toBe(
      0,
    );
    const options = ["--tokenizer", other, "--output", path("data/other"), "--workers", "0", "--split", "1,1,1"];
    expect((await megatron("prepare", "--input", text, "--text-document", "paragraph", ...options)).code).toBe(0);
    const fresh = ["--run.directory", path("runs/other")];
    expectMistake(await megatron("pretrain", recipe, "--data.tokenizer", other, ...fresh), /another tokenizer/);
    expectMistake(await evaluate(path("runs/a"), path("data/other")), /another tokenizer/);
    const draft = await copyOfCheckpoint("draft", { tokenizer: join(other, "tokenizer.json") });
    expectMistake(await generate(path("runs/a"), "Call", "--draft", draft), /draft.*another tokenizer than the model/);
    const swapped = ["--data.tokenizer", other, "--data.train", path("data/other"), "--model.vocabularySize", "512"];
    expectMistake(await megatron("pretrain", recipe, ...swapped, "--resume", "auto"), /data\.tokenizer: .*checkpoint/);
  });

  it("of a prompt and the model's positions", async () => {
    expectMistake(await generate(path("runs/a"), "whale ".repeat(60)), /prompt has \d+ tokens.* 48/);
  });

  it("of a window and the model's positions", async () => {
    expectMistake(
      await evaluate(path("runs/a"), path("data/corpus"), "--sequence-length", "49"),
      /--sequence-length: .*48.*49/,
    );
  });

  it("of sampling options and their ranges", async () => {
    expectMistake(await generate(path("runs/a"), "Call", "--top-p", "1.5"), /top-p.*1\.5/);
    expectMistake(await generate(path("runs/a"), "Call", "--temperature", "-1"), /temperature.*-1/);
    expectMistake(await generate(path("runs/a"), "Call", "--beams", "2", "--n-best", "3"), /beams, 2; got 3/);
    expectMistake(await generate(path("runs/a"), "Call", "--beams", "2", "--top-p", "0.5"), /--top-p.*beam search/);
    expectMistake(await generate(path("runs/a"), "Call", "--n-best", "2"), /--n-best needs --beams/);
    expectMistake(await generate(path("runs/a"), "Call", "--draft-tokens", "2"), /--draft-tokens needs --draft/);
    const draft = ["--draft", path("runs/a")];
    expectMistake(await generate(path("runs/a"), "Call", "--beams", "2", ...draft), /--draft .*beam search/);
  });
});

/** Copies a directory and changes one of its files. */
function damaged(what: { from: string; to: string; file: string }, change: (file: string) => void): string {
  cpSync(path(what.from), path(what.to), { recursive: true });
  change(path(`${what.to}/${what.file}`));
  return path(what.to);
}

function flipByte(name: string) {
  const bytes = readFileSync(name);
  bytes[bytes.length >> 1]! ^= 0x10;
  writeFileSync(name, bytes);
}

const shorten = (name: string) => truncateSync(name, readFileSync(name).length - 8);

describe("damaged files", () => {
  it.each(["idx", "bin"])("a truncated or bit-flipped .%s", async (kind) => {
    const names = { from: "data", file: `corpus_text_document.${kind}` };
    const cut = damaged({ ...names, to: `cut-${kind}` }, shorten);
    expectMistake(await evaluate(path("runs/a"), `${cut}/corpus`), `corpus_text_document.${kind}: `);
    const flipped = damaged({ ...names, to: `flipped-${kind}` }, flipByte);
    expectMistake(await evaluate(path("runs/a"), `${flipped}/corpus`), `corpus_text_document.${kind}: `);
  });

  it.each(["weights-00001-of-00001.safetensors", "manifest.json", "tokenizer.json"])(
    "a truncated or bit-flipped %s",
    async (name) => {
      const names = { from: "runs/a/step-00000002", file: name };
      const cut = damaged({ ...names, to: `cut-${name}` }, shorten);
      expectMistake(await generate(cut, "Call"), name);
      const flipped = damaged({ ...names, to: `flipped-${name}` }, flipByte);
      expectMistake(await generate(flipped, "Call"), name);
    },
  );

  it("no checkpoint at all", async () => {
    expectMistake(await generate(path("data"), "Call"), /data\b/);
    expectMistake(await generate(path("nowhere"), "Call"), /nowhere: /);
    expectMistake(await generate(recipe, "Call"), /recipe\.yaml/);
    expectMistake(await megatron("serve", path("nowhere")), /nowhere: /);
    expectMistake(await megatron("serve", path("data"), "--api-key-file", recipe), /data\b/);
    expectMistake(await megatron("serve", path("runs/a"), "--adapter", `poems=${path("nowhere")}`), /nowhere/);
    expectMistake(await megatron("serve", path("runs/a"), "--adapter", "poems"), /--adapter poems: expected name=run/);
    expect((await megatron("export", path("runs/a"), path("exported"))).code).toBe(0);
    expectMistake(await generate(path("exported"), "Call"), /exported.*Hugging Face/);
  });

  it("a tokenizer that is not one", async () => {
    expectMistake(await megatron("tokenizer", "encode", path("nowhere"), "text"), /nowhere/);
    expectMistake(await megatron("tokenizer", "encode", file("no.json", "{"), "text"), /no\.json/);
  });
});

describe("command lines", () => {
  it.each([
    [["pretain"], /unknown command 'pretain'.*pretrain/],
    [["pretain", "--help"], /unknown command 'pretain'/],
    [["help", "pretain"], /unknown command 'pretain'/],
    [["tokenizer", "encod", "-h"], /unknown command 'encod'/],
    [["models", "--jsn"], /unknown option '--jsn' \(Did you mean --json\?\)$/],
    [["pretrain"], /missing required argument 'recipe'/],
    [["evaluate", "runs/a"], /required option '--data <prefix>' not specified/],
    [["tokenizer", "train", "--input", "a", "--vocab-size", "1k", "--output", "x"], /'1k' is invalid.*integer/],
    [["evaluate", "x", "--data", "y", "--batch-size", "4000000000"], /'4000000000' is invalid.*1000000/],
    [["evaluate", "x", "--data", "y", "--split", "dev"], /Allowed choices are train, validation, test, all/],
    [["prepare", "--input", "a", "--tokenizer", "b", "--output", "c", "--split", "a,b"], /'a,b' is invalid/],
    [["prepare", "--input", "a", "--tokenizer", "", "--output", "c"], /'' is invalid.*empty/],
    [["models", "gpt2"], /Expected 0 arguments but got 1\.$/],
    [["pretrain", "recipe.yaml", "--steps", "5"], /unknown option '--steps'.*--train\.steps 200$/],
  ])("%j names what is wrong", async (argv, message) => {
    const { code, stdout, stderr } = await megatron(...argv);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr.trimEnd()).toMatch(message);
    expect(stderr.trimEnd()).not.toContain("\n");
  });

  it("an unknown backend", async () => {
    expectMistake(await generate(path("runs/a"), "Call", "--backend", "gpu"), /"gpu".*auto/);
  });
});

/** A copy of the run's checkpoint, with changed weights or with another tokenizer. */
async function copyOfCheckpoint(
  name: string,
  { change = () => {}, tokenizer }: { change?: (name: string, values: Float32Array) => void; tokenizer?: string },
): Promise<string> {
  const { manifest, weights, readFile, close } = loadCheckpoint(path("runs/a/step-00000002"));
  const files = Object.fromEntries(["tokenizer.json", "recipe.yaml"].map((file) => [file, readFile(file)]));
  await saveCheckpoint({
    directory: path(name),
    step: 2,
    consumedSamples: 0,
    model: manifest.model,
    tokenizerFingerprint: tokenizer === undefined ? (manifest.tokenizerFingerprint ?? undefined) : undefined,
    extraFiles: { ...files, ...(tokenizer !== undefined && { "tokenizer.json": readFileSync(tokenizer) }) },
    groups: {
      weights: weights.names.map((weight) => {
        const bytes = weights.read(weight).slice();
        change(weight, new Float32Array(bytes.buffer));
        return { name: weight, ...weights.info(weight), dtype: "F32", bytes: () => bytes };
      }),
    },
  });
  close();
  return path(name);
}

describe("failures that are not the user's mistake", () => {
  it("a model with a weight of NaN generates and evaluates with exit code 1", async () => {
    const run = await copyOfCheckpoint("nan", {
      change(name, values) {
        if (name === "layers.0.attention.query.weight") values[5] = Number.NaN;
      },
    });
    for (const temperature of ["0", "1"]) {
      const { code, stderr } = await generate(run, "Call", "--temperature", temperature, "--json");
      expect(code).toBe(1);
      expect(stderr).toMatch(/\nerror: .*NaN.*\n$/);
    }
    const { code, stdout, stderr } = await evaluate(run, path("data/corpus"), "--json");
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr).toMatch(/\nerror: .*nan: causal perplexity .*NaN.*\n$/);
  });

  it("a loss of NaN gives exit code 1 and the step, and keeps the last good checkpoint", async () => {
    const diverging = ["--train.optimizer.learningRate", "1e30", "--train.clipNorm", "null"];
    const options = [
      "--run.directory",
      path("runs/nan"),
      "--train.checkpoint.every",
      "1",
      "--train.evaluation",
      "null",
    ];
    const { code, stderr } = await megatron("pretrain", recipe, ...diverging, ...options);
    expect(code).toBe(1);
    expect(stderr).toMatch(/error: step \d+: .*loss/);
    const kept = readdirSync(path("runs/nan")).filter((name) => name.startsWith("step-"));
    expect(kept.length).toBeGreaterThan(0);
    expect(await megatronJson("generate", path("runs/a"), "--prompt", "Call")).toMatchObject({ prompt: "Call" });
  });
});
