import { appendFileSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { openMetricsLog } from "./metrics-log.ts";

let directory: string;
let path: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "megatron-metrics-"));
  path = join(directory, "metrics.jsonl");
});
afterEach(() => rmSync(directory, { recursive: true }));

const records = () =>
  readFileSync(path, "utf8")
    .split("\n")
    .slice(0, -1)
    .map((line) => JSON.parse(line));

function write(resumedStep: number, steps: number[], loss: number) {
  const log = openMetricsLog(path, { resumedStep });
  for (const step of steps) log.append({ step, loss });
  log.close();
}

it("every record is on disk as soon as it is appended", () => {
  const log = openMetricsLog(path, { resumedStep: 0 });
  log.append({ step: 10, loss: 2.5, note: "first" });
  expect(records()).toEqual([{ step: 10, loss: 2.5, note: "first" }]);
  log.append({ step: 20, loss: Number.NaN });
  expect(records()[1]).toEqual({ step: 20, loss: null });
  log.close();
});

it("resuming keeps what the checkpoint had seen and no step twice", () => {
  write(0, [10, 20, 30, 40], 5);
  write(20, [30, 40], 4);
  expect(records()).toEqual([
    { step: 10, loss: 5 },
    { step: 20, loss: 5 },
    { step: 30, loss: 4 },
    { step: 40, loss: 4 },
  ]);
  expect(existsSync(`${path}.new`)).toBe(false);
});

it("an evaluation and a report of the same step both stay", () => {
  writeFileSync(path, '{"step":20,"loss":3}\n{"step":20,"validationLoss":4}\n{"step":21,"loss":3}\n');
  write(20, [30], 2);
  expect(records()).toEqual([
    { step: 20, loss: 3 },
    { step: 20, validationLoss: 4 },
    { step: 30, loss: 2 },
  ]);
});

it("a torn last line is dropped, a whole one without its line end is kept", () => {
  write(0, [10, 20], 5);
  appendFileSync(path, '{"step":30,"lo');
  write(30, [30], 4);
  expect(records().map(({ step }) => step)).toEqual([10, 20, 30]);
  appendFileSync(path, '{"step":40,"loss":1}');
  write(40, [50], 4);
  expect(records().map(({ step }) => step)).toEqual([10, 20, 30, 40, 50]);
});

it("a new run over an old log starts from nothing", () => {
  write(0, [10, 20], 5);
  write(0, [10], 3);
  expect(records()).toEqual([{ step: 10, loss: 3 }]);
});
