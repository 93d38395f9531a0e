/** The built program as a process: what it loads, its streams and its signals. Needs `dist/`, which `npm test` builds. */
import { spawn, spawnSync } from "node:child_process";
import { closeSync, existsSync, openSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createSandbox, prepareCorpus } from "./testing/sandbox.ts";

const program = fileURLToPath(new URL("../bin/megatron.js", import.meta.url));
const built = existsSync(fileURLToPath(new URL("../dist/main.js", import.meta.url)));

const sandbox = createSandbox();
const { path } = sandbox;
beforeAll(() => prepareCorpus(sandbox));
afterAll(sandbox.remove);

interface Running {
  stdout: string;
  stderr: string;
  child: ReturnType<typeof spawn>;
  ended: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
}

function start(argv: string[], { node = [] as string[], environment = {} } = {}): Running {
  const child = spawn(process.execPath, [...node, program, ...argv], { env: { ...process.env, ...environment } });
  const running: Running = {
    stdout: "",
    stderr: "",
    child,
    ended: new Promise((resolve) => child.on("close", (code, signal) => resolve({ code, signal }))),
  };
  child.stdout.on("data", (chunk) => {
    running.stdout += chunk;
  });
  child.stderr.on("data", (chunk) => {
    running.stderr += chunk;
  });
  return running;
}

/** Makes Node fail to load any package of TensorFlow.js. */
const hooks = `export async function resolve(name, context, next) {
  const found = await next(name, context);
  if (/@tensorflow/.test(found.url)) throw new Error("loaded " + found.url);
  return found;
}`;
const dataUrl = (code: string) => `data:text/javascript,${encodeURIComponent(code)}`;
const withoutTensors = [
  "--import",
  dataUrl(`import { register } from "node:module"; register(${JSON.stringify(dataUrl(hooks))});`),
];

describe.runIf(built)("the built program", () => {
  it.each([
    [["--help"]],
    [["pretrain", "--help"]],
    [["evaluate", "--help"]],
    [["tokenizer", "train", "--input", "a.txt", "--vocab-size", "300", "--output", "again"]],
    [["tokenizer", "encode", "tok", "Call me Ishmael."]],
    [["prepare", "--input", "a.txt", "--tokenizer", "tok", "--output", "again/corpus"]],
  ])("%j does not load TensorFlow.js", async (argv) => {
    const files = new Set(["a.txt", "again", "tok", "again/corpus"]);
    const running = start(
      argv.map((argument) => (files.has(argument) ? path(argument) : argument)),
      {
        node: withoutTensors,
      },
    );
    expect(await running.ended).toEqual({ code: 0, signal: null });
    expect(running.stderr).toBe("");
  });

  it("fails this check with doctor, which loads it", async () => {
    const running = start(["doctor"], { node: withoutTensors });
    expect((await running.ended).code).toBe(1);
    expect(running.stderr).toMatch(/loaded file:.*@tensorflow/);
  });

  it.skipIf(process.platform === "win32")("plans and pretrains recipes from pipes", async () => {
    const recipe = sandbox.recipe("piped.yaml", "runs/piped");
    const quoted = [process.execPath, program].map((part) => `'${part}'`).join(" ");
    for (const command of [`plan <(cat '${recipe}') --seconds 0`, `pretrain <(cat '${recipe}') --dry-run`]) {
      const { status, stderr } = spawnSync("bash", ["-c", `${quoted} ${command}`], { encoding: "utf8" });
      expect([status, stderr], command).toEqual([0, ""]);
    }
  });

  it("gives the same dataset with worker threads", async () => {
    const prepare = ["prepare", "--input", path("a.txt"), "--tokenizer", path("tok"), "--text-document", "paragraph"];
    const running = start([...prepare, "--output", path("threads"), "--split", "80,10,10", "--workers", "2"]);
    expect((await running.ended).code).toBe(0);
    const bytes = (prefix: string) => readFileSync(path(`${prefix}_text_document.bin`));
    expect(bytes("threads").equals(bytes("data/corpus"))).toBe(true);
  });

  it("prints a user mistake in one line, and a stack trace with MEGATRON_DEBUG=1", async () => {
    const mistake = start(["tokenizer", "encode", path("nowhere"), "text"]);
    expect((await mistake.ended).code).toBe(2);
    expect(mistake.stderr).toMatch(/^error: .*nowhere.*\n$/);
    const traced = start(["tokenizer", "encode", path("nowhere"), "text"], { environment: { MEGATRON_DEBUG: "1" } });
    expect((await traced.ended).code).toBe(2);
    expect(traced.stderr).toMatch(/\n.* {4}at /);
  });

  it("exits quietly when its reader closes the pipe", async () => {
    const running = start(["pretrain", "--help"]);
    running.child.stdout!.destroy();
    expect((await running.ended).code).toBe(0);
    expect(running.stderr).toBe("");
  });

  it("keeps training when stderr is closed", async () => {
    const recipe = sandbox.recipe("unread.yaml", "runs/unread");
    const running = start(["pretrain", recipe, "--json"]);
    await until(() => running.stderr.includes("step "));
    running.child.stderr!.destroy();
    expect(await running.ended).toEqual({ code: 0, signal: null });
    expect(JSON.parse(running.stdout)).toMatchObject({ reason: "completed", step: 20 });
  });

  it("trains on two rank threads what one rank trains, and saves at SIGTERM", async () => {
    // A reported loss is the mean of an interval, and where that begins depends on the steps before.
    const constant = ["--train.schedule", "{ name: constant }", "--train.log.every", "1"];
    const ranks = ["--parallel.data", "2", "--resume", "auto"];
    const recipe = (run: string) => sandbox.recipe(`${run}.yaml`, `runs/${run}`);
    const stopped = start(["pretrain", recipe("ranks"), ...constant, ...ranks, "--train.steps", "100000", "--json"]);
    await until(() => /^step +5\/100000/m.test(stopped.stderr));
    stopped.child.kill("SIGTERM");
    expect(await stopped.ended).toEqual({ code: 0, signal: null });
    const { reason, step } = JSON.parse(stopped.stdout) as { reason: string; step: number };
    expect(reason).toBe("stopped");
    const steps = String(Math.max(step + 3, 20));
    const loss = async (run: string, ...options: string[]) => {
      const running = start(["pretrain", recipe(run), ...constant, "--train.steps", steps, "--json", ...options]);
      expect((await running.ended).code).toBe(0);
      return (JSON.parse(running.stdout) as { loss: number }).loss;
    };
    const whole = await loss("ranks-whole", ...ranks);
    expect(await loss("ranks", ...ranks)).toBe(whole);
    const alone = await loss("alone");
    expect(Math.abs(whole - alone) / alone).toBeLessThan(1e-5);
  });

  it("serves what it trained, and ends at SIGTERM", async () => {
    const recipe = sandbox.recipe("served.yaml", "runs/served");
    expect((await start(["pretrain", recipe, "--train.steps", "2"]).ended).code).toBe(0);
    const server = start(["serve", path("runs/served"), "--port", "0", "--log-requests", "--json"]);
    await until(() => server.stdout !== "");
    const { url, model } = JSON.parse(server.stdout) as { url: string; model: string };
    expect(model).toBe("served");
    const body = JSON.stringify({ prompt: "Call me", max_tokens: 3, ignore_eos: true });
    const answer = await fetch(`${url}/v1/completions`, { method: "POST", body });
    expect(await answer.json()).toMatchObject({ usage: { completion_tokens: 3 } });
    server.child.kill("SIGTERM");
    expect(await server.ended).toEqual({ code: 0, signal: null });
    expect(server.stderr).toMatch(/"path":"\/v1\/completions","status":200/);
    expect(server.stderr).not.toContain("Call me");
  });

  it.runIf(existsSync("/dev/full"))("prints one line if its output cannot be written", async () => {
    const output = openSync("/dev/full", "w");
    const child = spawn(process.execPath, [program, "models"], { stdio: ["ignore", output, "pipe"] });
    closeSync(output);
    let stderr = "";
    child.stderr!.on("data", (chunk) => {
      stderr += chunk;
    });
    expect(await new Promise((resolve) => child.on("close", resolve))).toBe(1);
    expect(stderr).toMatch(/^error: cannot write the output: .*disk is full.*\n$/);
  });

  it("says how to resume when prepare is interrupted", async () => {
    const long = sandbox.file("long.txt", readFileSync(path("a.txt"), "utf8").repeat(300));
    const options = ["--tokenizer", path("tok"), "--output", path("long"), "--workers", "0"];
    const stopped = start(["prepare", "--input", long, ...options]);
    await until(() => existsSync(path("long_text_document.lock")));
    stopped.child.kill("SIGINT");
    expect(await stopped.ended).toEqual({ code: 130, signal: null });
    expect(stopped.stderr).toMatch(/^interrupted \(SIGINT\): .*resume\n$/);
    const resumed = start(["prepare", "--input", long, ...options]);
    expect((await resumed.ended).code).toBe(0);
    expect(existsSync(path("long_text_document.lock"))).toBe(false);
  });

  it("saves and exits at SIGINT, SIGTERM and SIGHUP, and resumes", async () => {
    const recipe = sandbox.recipe("signals.yaml", "runs/signals");
    const options = ["--train.checkpoint.every", "100000", "--train.log.every", "1", "--resume", "auto"];
    let step = 0;
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
      const stopped = start(["pretrain", recipe, ...options, "--train.steps", "100000", "--json"]);
      const wanted = step + 5;
      await until(() => new RegExp(`^step +${wanted}/100000`, "m").test(stopped.stderr));
      stopped.child.kill(signal);
      expect(await stopped.ended).toEqual({ code: 0, signal: null });
      if (step > 0) expect(stopped.stderr).toContain(`at step ${step} of 100000`);
      expect(stopped.stderr).toMatch(new RegExp(`^${signal}: `, "m"));
      const result = JSON.parse(stopped.stdout) as { reason: string; step: number };
      expect(result.reason).toBe("stopped");
      expect(result.step).toBeGreaterThanOrEqual(wanted);
      step = result.step;
    }
    const resumed = start(["pretrain", recipe, ...options, "--train.steps", String(step + 1)]);
    expect((await resumed.ended).code).toBe(0);
    expect(resumed.stderr).toContain(`at step ${step} of ${step + 1}`);
    expect(resumed.stdout).toContain(`completed at step ${step + 1}`);
  });
});

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 20));
}
