/** Commands about tasks: fine-tune a tiny model, score it, predict with it; and the mistakes that a user can make. */
import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { megatron, megatronJson } from "./testing/megatron.ts";
import { createSandbox, prepareCorpus } from "./testing/sandbox.ts";

const sandbox = createSandbox();
const { path, file } = sandbox;
const rows = Array.from(
  { length: 40 },
  (_, i) => `${i % 2 ? "whale" : "ship"} number ${i % 8},${i % 2 ? "animal" : "thing"}`,
);
let train: string;

beforeAll(async () => {
  await prepareCorpus(sandbox);
  expect((await megatron("pretrain", sandbox.recipe("recipe.yaml", "runs/a"), "--train.steps", "2")).code).toBe(0);
  train = file("train.csv", `what,label\n${rows.join("\n")}\n`);
});
afterAll(sandbox.remove);

interface Scored {
  scores: Record<string, object>;
}

const finetune = (...more: string[]) =>
  megatron("finetune", path("runs/a"), "--task", "classification", "--data", train, ...more);

describe("megatron finetune, evaluate --task and predict", () => {
  it("make a classifier of a pretrained model, score it and use it", async () => {
    const options = ["--output", path("runs/b"), "--column", "text=what", "--learning-rate", "0.01", "--epochs", "12"];
    const { code, stdout, stderr } = await finetune(...options, "--train.batchSize", "8", "--max-tokens", "16");
    expect({ code, stdout }).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/completed at step 54; best: step /),
    });
    expect(stderr).toContain("36 rows to train on, 4 to validate on, 2 labels");

    const samples = path("samples.jsonl");
    const evaluation = ["evaluate", path("runs/b"), "--task", "classification", "--data", train];
    expect(await megatronJson(...evaluation, "--samples", samples)).toMatchObject({
      task: "classification",
      examples: 40,
      scores: { accuracy: { value: 1, standardError: 0 }, f1: { value: 1 }, matthews: { value: 1 } },
      baselines: { "most frequent label": { accuracy: { value: 0.5 } } },
      // As lm-evaluation-harness has them.
      results: {
        classification: { alias: "classification", "acc,none": 1, "acc_stderr,none": 0, "mcc_stderr,none": "N/A" },
      },
      versions: { classification: expect.any(String) },
      "n-samples": { classification: { original: 40, effective: 40 } },
      higher_is_better: { classification: { acc: true } },
    });
    expect(JSON.parse(readFileSync(samples, "utf8").split("\n")[0]!)).toMatchObject({
      doc_id: 0,
      doc: { what: "ship number 0", label: "thing" },
      target: "thing",
      arguments: { gen_args_0: { arg_0: "ship number 0" } },
      resps: [["thing"]],
      filtered_resps: ["thing"],
      filter: "none",
      metrics: ["acc"],
      acc: 1,
      prediction: { label: "thing" },
    });
    expect((await megatron(...evaluation)).stdout).toMatch(
      / {2}accuracy +1\.0000 ± 0\.0000\n[\s\S]*beside it, most frequent label: accuracy 0\.5000/,
    );

    const input = file("new.jsonl", '{"what":"whale number 3","id":7}\n');
    const predicted = await megatron("predict", path("runs/b"), "--input", input);
    expect(JSON.parse(predicted.stdout)).toMatchObject({ id: 7, prediction: { label: "animal" } });
    const output = path("predicted.jsonl");
    expect((await megatron("predict", path("runs/b"), "--input", input, "--output", output)).code).toBe(0);
    expect(readFileSync(output, "utf8")).toBe(predicted.stdout);
  });

  it("start from a recipe, and from a Hugging Face directory", async () => {
    const recipe = file(
      "tune.yaml",
      `
task: { name: classification, columns: { text: what }, labelWeights: balanced }
model: { from: ${path("runs/a")} }
data: { train: ${train}, validationShare: 0.2 }
run: { directory: ${path("runs/d")} }
`,
    );
    const fromRecipe = await megatronJson("finetune", recipe, "--train.steps", "2", "--train.evaluation.every", "1");
    expect(fromRecipe).toMatchObject({ reason: "completed", step: 2, scores: { accuracy: expect.any(Number) } });
    expect((await megatron("finetune", recipe, "--train.steps", "2")).stderr).toMatch(/already contains a run/);

    expect((await megatron("export", path("runs/a"), path("hf"))).code).toBe(0);
    const tune = (...more: string[]) =>
      megatronJson("finetune", path("hf"), "--task", "classification", "--data", train, ...more);
    const options = ["--column", "text=what", "--output", path("runs/e"), "--epochs", "0.1"];
    expect(await tune(...options)).toMatchObject({ reason: "completed", step: 1 });
    expect(await tune(...options, "--epochs", "1", "--resume", "auto")).toMatchObject({ reason: "completed", step: 3 });
  });

  it("train, use, export and merge adapters", async () => {
    const options = ["--output", path("runs/lora"), "--column", "text=what", "--lora", "--lora.rank", "2"];
    const started = await finetune(...options, "--epochs", "1", "--max-tokens", "16");
    expect(started).toMatchObject({ code: 0, stderr: expect.stringMatching(/parameters \(\d+ trained\)/) });

    const evaluation = ["--task", "classification", "--data", train, "--column", "text=what"];
    const [merged, beside] = [
      await megatronJson<Scored>("evaluate", path("runs/lora"), ...evaluation),
      await megatronJson<Scored>("evaluate", path("runs/a"), "--adapter", path("runs/lora"), ...evaluation),
    ] as const;
    expect(beside).toMatchObject({ scores: merged.scores });
    const refused = await megatron("evaluate", path("runs/b"), "--adapter", path("runs/lora"), ...evaluation);
    expect(refused).toMatchObject({ code: 2, stderr: expect.stringMatching(/\nerror: .*another base.*\n$/) });

    expect((await megatron("export", path("runs/lora"), path("adapter"))).stdout).toContain("PEFT");
    expect(readFileSync(path("adapter/adapter_config.json"), "utf8")).toContain('"r": 2');
    expect((await megatron("export", path("runs/lora"), path("whole"), "--merge")).code).toBe(0);
    expect((await megatron("import", path("whole"), path("imported"))).code).toBe(0);
    const imported = await megatronJson("evaluate", path("imported"), ...evaluation);
    expect(imported).toMatchObject({ scores: { accuracy: merged.scores.accuracy } });
  });

  it("make a translator of it from parallel files, score it and use it", async () => {
    const english = file("train.en", rows.map((row) => `${row.split(",")[0]}\n`).join(""));
    const german = file("train.de", rows.map((row) => `${row.split(",")[0]!.replace("whale", "Wal")}\n`).join(""));
    const pairs = `source=${english},target=${german}`;
    const tune = ["finetune", path("runs/a"), "--task", "translation", "--data", pairs, "--max-tokens", "20"];
    const options = ["--train.steps", "2", "--train.batchTokens", "200", "--task.metric", "loss"];
    const beams = ["--task.generation", "{ numBeams: 2, maxTokens: 4 }"];
    const { stdout, stderr } = await megatron(...tune, ...options, ...beams, "--output", path("runs/f"));
    expect(stdout).toBe(`${path("runs/f")}: completed at step 2; best: step 2\n`);
    expect(stderr).toContain("36 rows to train on, 4 to validate on\n");
    const scored = await megatronJson("evaluate", path("runs/f"), "--task", "translation", "--data", pairs);
    expect(scored).toMatchObject({
      scores: { bleu: { signature: expect.stringContaining("tok:13a"), interval: expect.any(Number) } },
    });
    const predicted = await megatron("predict", path("runs/f"), "--input", `source=${english}`);
    expect(JSON.parse(predicted.stdout.split("\n")[0]!)).toMatchObject({ prediction: { text: expect.any(String) } });
    const wrong = await megatron("predict", path("runs/f"), "--input", `source=${english},target`);
    expect(wrong).toMatchObject({ code: 2, stderr: expect.stringContaining("source=train.en,target=train.de") });
  });

  it("end with one line and exit code 2 for what a user can get wrong", async () => {
    const odd = file("odd.csv", "what,label\nwhale,animal\nwhale,fish\n");
    const short = file("short.csv", "what,label\nwhale\n");
    const missing = ["predict", path("runs/a"), "--input", train];
    const cases: [string[], RegExp][] = [
      [["finetune", path("runs/a"), "--task", "classification"], /--data is required/],
      [["finetune", path("runs/a"), "--task", "juggling"], /--task.*classification, sentiment/],
      [
        ["finetune", path("nothing"), "--task", "sentiment", "--data", train, "--output", path("x")],
        /^error: \S+nothing: no such run/,
      ],
      [missing, /for which task/],
      [[...missing, "--task", "classification"], /no head that classifies/],
      [[...missing, "--task", "classification", "--column", "text"], /text=sentence/],
      [
        ["evaluate", path("runs/b"), "--task", "classification", "--data", odd],
        /odd\.csv:3: the label "fish".*animal, thing/,
      ],
      [["evaluate", path("runs/b"), "--task", "classification", "--data", short], /short\.csv:2: malformed row/],
      [["evaluate", path("runs/b"), "--task", "classification", "--data", path("none.tsv")], /none\.tsv: no such file/],
    ];
    for (const [argv, message] of cases) {
      const { code, stderr } = await megatron(...argv);
      const errors = stderr.split("\n").filter((line) => line.startsWith("error: "));
      expect({ code, lines: errors.length }, argv.join(" ")).toEqual({ code: 2, lines: 1 });
      expect(errors[0]).toMatch(message);
    }
    const pretraining = await megatron("finetune", path("recipe.yaml"));
    expect(pretraining).toMatchObject({ code: 2, stderr: expect.stringMatching(/task: .*missing|task: /) });
    const { code, stderr } = await finetune("--output", path("runs/c"));
    expect({ code, stderr }).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/has no column "text".*what, label.*--column text=/),
    });
  });
});
