import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { openTensorBoard } from "./tensorboard.ts";
import { frameRecord } from "./tf-record.ts";

const directory = mkdtempSync(join(tmpdir(), "megatron-tensorboard-"));
afterAll(() => rmSync(directory, { recursive: true }));
const golden = new URL("../../../../fixtures/tensorboard/", import.meta.url);

function clock(start: number) {
  let time = start;
  return () => {
    time += 0.25;
    return time - 0.25;
  };
}

// The golden files were written by TensorBoard's own writer, and read back by its reader (check.py beside them).
it("a run and its resumption give the bytes that TensorBoard's own writer gives", () => {
  const first = openTensorBoard(directory, { resumedStep: 0, now: clock(999999999.5) });
  for (const step of [1, 2, 3, 4]) first.scalars(step, { "train/loss": 8 / step, "train/learningRate": 1e-4 * step });
  first.close();
  const second = openTensorBoard(directory, { resumedStep: 2, now: clock(1700000000.125) });
  for (const step of [3, 4, 2 ** 40]) second.scalars(step, { "train/loss": 4 / step });
  second.close();

  const names = readdirSync(golden).filter((name) => name.startsWith("events."));
  expect(names).toHaveLength(2);
  expect(readdirSync(directory).sort()).toEqual(names.sort());
  for (const name of names) {
    expect(readFileSync(join(directory, name)).equals(readFileSync(new URL(name, golden))), name).toBe(true);
  }
});

it("never writes into a file of another run", () => {
  const now = () => 1.5;
  openTensorBoard(directory, { resumedStep: 7, now }).close();
  expect(() => openTensorBoard(directory, { resumedStep: 7, now })).toThrow(/EEXIST/);
});

it("an empty record has the checksums of the format", () => {
  // Masked CRC-32C of eight zero bytes (0x8c28b28a) and of none (0).
  const mask = (crc: number) => (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
  const view = new DataView(frameRecord(new Uint8Array(0)).buffer);
  expect(view.byteLength).toBe(16);
  expect(view.getUint32(8, true)).toBe(mask(0x8c28b28a));
  expect(view.getUint32(12, true)).toBe(mask(0));
});
