/**
 * Writes TensorBoard event files: scalars by tag and step. Node only. A resumed run starts a new file, which makes
 * TensorBoard drop later points of the earlier ones.
 */
import { closeSync, openSync, writeSync } from "node:fs";
import { join } from "node:path";
import { makeDirectory } from "@megatron-ts/errors/make-directory";
import { encodeEvent, type TensorBoardEvent } from "./tensorboard-event.ts";
import { frameRecord } from "./tf-record.ts";

/** An open event file. */
export interface TensorBoardLog {
  /** Adds one point to each curve; tags are grouped by their part before a `/`. */
  scalars(step: number, values: Record<string, number>): void;
  close(): void;
}

/** Options of `openTensorBoard`. */
export interface TensorBoardOptions {
  /** The step of the loaded checkpoint; 0 for a new run. */
  resumedStep: number;
  /** Seconds since 1970. */
  now?: () => number;
}

/** Starts a new event file in `directory`, which is created if needed. */
export function openTensorBoard(directory: string, options: TensorBoardOptions): TensorBoardLog {
  const { resumedStep, now = () => Date.now() / 1000 } = options;
  makeDirectory(directory);
  const started = now();
  // TensorBoard reads the files of a directory in the order of their names.
  const [seconds, fraction] = started.toFixed(6).split(".");
  const name = `events.out.tfevents.${seconds!.padStart(10, "0")}.${fraction}.step-${resumedStep}`;
  const file = openSync(join(directory, name), "wx");
  const write = (event: TensorBoardEvent) => void writeSync(file, frameRecord(encodeEvent(event)));

  write({ wallTime: started, fileVersion: "brain.Event:2" });
  write({ wallTime: started, step: resumedStep + 1, sessionLog: { status: "START" } });
  return {
    scalars: (step, values) => {
      const value = Object.entries(values).map(([tag, simpleValue]) => ({ tag, simpleValue }));
      write({ wallTime: now(), step, summary: { value } });
    },
    close: () => closeSync(file),
  };
}
