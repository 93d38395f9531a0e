/** The runs of the server, and what they report, asked for every two seconds while the page is visible. */
import { useEffect, useRef, useState } from "preact/hooks";
import { ask } from "./api.ts";

/** A run with what is known of it. */
export interface Run {
  name: string;
  updated: number;
  bytes: number;
  reports: Record<string, unknown>[];
}

interface Part {
  reports: Record<string, unknown>[];
  next: number;
  size: number;
}

const EVERY = 2000;

/** Reads metrics from where the last read ended. The latest run is chosen at first. */
export function useRuns({ most }: { most: number }) {
  const [runs, setRuns] = useState<Run[] | null>(null);
  const [chosen, setChosen] = useState<string[] | null>(null);
  const [problem, setProblem] = useState<string | null>(null);
  const read = useRef(new Map<string, { next: number; reports: Record<string, unknown>[] }>());

  useEffect(() => {
    let timer: ReturnType<typeof setTimeout>;
    let isOpen = true;
    async function update() {
      try {
        const { data } = await ask<{ data: Omit<Run, "reports">[] }>("/v1/runs");
        for (const { name, bytes } of data) await readOn(read.current, name, bytes);
        if (!isOpen) return;
        setRuns(data.map((run) => ({ ...run, reports: read.current.get(run.name)?.reports ?? [] })));
        setChosen((before) => before ?? data.slice(0, 1).map(({ name }) => name));
        setProblem(null);
      } catch (error) {
        if (isOpen) setProblem((error as Error).message);
      }
    }
    async function again() {
      if (!document.hidden) await update();
      if (isOpen) timer = setTimeout(again, EVERY);
    }
    void again();
    return () => {
      isOpen = false;
      clearTimeout(timer);
    };
  }, []);

  return {
    runs,
    problem,
    chosen: chosen ?? [],
    choose(name: string) {
      const before = chosen ?? [];
      setChosen(before.includes(name) ? before.filter((one) => one !== name) : [...before, name].slice(-most));
    },
  };
}

/** Reads what a run has written since. */
async function readOn(
  known: Map<string, { next: number; reports: Record<string, unknown>[] }>,
  name: string,
  bytes: number,
): Promise<void> {
  let { next, reports } = known.get(name) ?? { next: 0, reports: [] };
  if (bytes < next) [next, reports] = [0, []];
  while (next < bytes) {
    const part = await ask<Part>(`/v1/runs/metrics?run=${encodeURIComponent(name)}&from=${next}`);
    // The last line may not be whole yet.
    if (part.next === next) break;
    reports = [...reports, ...part.reports];
    next = part.next;
  }
  known.set(name, { next, reports });
}
