/** The cells of a comparison as they are saved, one JSON file each; a rerun keeps those whose key has not changed. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { replaceFile } from "@megatron-ts/data";
import { makeDirectory } from "@megatron-ts/errors/make-directory";
import type { Score } from "@megatron-ts/tasks";
import type { CellHashes } from "./hashes.ts";

/** What every cell says. */
interface Cell {
  /** A hash of everything that the cell is computed from. */
  key: string;
  /** The command that computes it again, elsewhere. */
  command: string;
  seconds: number;
  wattHours: number;
  hashes: CellHashes;
}

/** A pretrained model. */
export interface PretrainedCell extends Cell {
  parameters: number;
  run: string;
  tokens: number;
  /** Tokens of a sample in training, and of the longest sample that the model was tried with. */
  trainedLength: number;
  triedLength: number;
  /** Perplexities of held-out text, each by its own definition: they do not compare across definitions. */
  perplexities: { metric: string; value: number; bitsPerByte?: number }[];
}

/** A model that was fine-tuned for a task. */
export interface TaskCell extends Cell {
  run: string;
  scores: Record<string, Score>;
  rows: number;
}

/** A task that a model cannot do, and why. */
export interface ImpossibleCell {
  reason: string;
}

/** Where the cells of a comparison are. */
export interface CellStore {
  /** A saved cell, if it has this key. */
  read<Saved extends { key: string }>(name: string, key: string): Saved | null;
  write(name: string, cell: { key: string }): Promise<void>;
}

/** Opens the cells below a comparison's directory. */
export function openCells(directory: string): CellStore {
  const fileOf = (name: string) => join(directory, "cells", `${name}.json`);
  return {
    read<Saved extends { key: string }>(name: string, key: string): Saved | null {
      if (!existsSync(fileOf(name))) return null;
      const saved = JSON.parse(readFileSync(fileOf(name), "utf8")) as Saved;
      return saved.key === key ? saved : null;
    },
    async write(name, cell) {
      await makeDirectory(join(directory, "cells"));
      replaceFile(fileOf(name), `${JSON.stringify(cell, null, 2)}\n`);
    },
  };
}
