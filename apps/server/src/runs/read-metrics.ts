/** Reads what a run has written to its metrics since the last time, whole lines only. */
import { open } from "node:fs/promises";

/** The most that is read at once. */
const MOST_BYTES = 2 ** 20;

/** A part of a run's metrics. */
export interface MetricsPart {
  /** What the run reported, in order. */
  reports: Record<string, unknown>[];
  /** Byte offset at which the next part starts. Equal to the file's size once everything has been read. */
  next: number;
  size: number;
}

/** The reports from a byte on. A file that is shorter than that was written again, and is read from its start. */
export async function readMetrics(path: string, from: number): Promise<MetricsPart> {
  const file = await open(path);
  try {
    const { size } = await file.stat();
    const start = from > size ? 0 : from;
    const buffer = Buffer.alloc(Math.min(MOST_BYTES, size - start));
    const { bytesRead } = await file.read(buffer, 0, buffer.length, start);
    const end = buffer.subarray(0, bytesRead).lastIndexOf(0x0a) + 1;
    const lines = buffer.subarray(0, end).toString("utf8").split("\n");
    return { reports: lines.flatMap(parse), next: start + end, size };
  } finally {
    await file.close();
  }
}

/** A run that was killed may leave a line that is no JSON; the ones around it are read. */
function parse(line: string): Record<string, unknown>[] {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === "object" && value !== null ? [value as Record<string, unknown>] : [];
  } catch {
    return [];
  }
}
