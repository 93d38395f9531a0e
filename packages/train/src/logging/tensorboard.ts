/**
 * TensorBoard event files: scalars by tag and step. Node only. A resumed run writes a new file, in which TensorBoard is
 * told to forget what the earlier ones say of later steps.
 */
import { closeSync, mkdirSync, openSync, writeSync } from "node:fs";
import { join } from "node:path";
import { encodeEvent, type TensorBoardEvent } from "./tensorboard-event.ts";
import { frameRecord } from "./tf-record.ts";

export interface TensorBoardLog {
  /** Adds one point to each curve; tags with a `/` are grouped by what stands before it. */
  scalars(step: number, values: Record<string, number>): void;
  close(): void;
}

export interface TensorBoardOptions {
  /** Updates that the loaded checkpoint has done; 0 for a new run. */
  resumedStep: number;
  /** Seconds since 1970. */
  now?: () => number;
}

/** Starts a new event file in `directory`, which is made if need be. */
export function openTensorBoard(directory: string, options: TensorBoardOptions): TensorBoardLog {
  const { resumedStep, now = () => Date.now() / 1000 } = options;
  mkdirSync(directory, { recursive: true });
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
