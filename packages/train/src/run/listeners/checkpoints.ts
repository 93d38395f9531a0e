/**
 * Saves every `train.checkpoint.every` steps and at the end. All ranks write, each its part; with `train.checkpoint.background` from a copy
 * of it, while all train on.
 */
import { resolve } from "node:path";
import {
  type BackgroundSave,
  checkpointDirectory,
  SAVING_SECONDS,
  saveCheckpoint,
  saveInBackground,
} from "@megatron-ts/checkpoint";
import type { Tokenizer } from "@megatron-ts/tokenizer";
import { findTiedWeights } from "../../step/tied-weights.ts";
import { checkWeights } from "../check-weights.ts";
import { checkpointOf, deleteOldCheckpoints, type SaveTrainingOptions } from "../training-checkpoint.ts";
import type { RunListener, TrainingRun } from "../training-run.ts";

/** @param options.datasets fingerprints by prefix; `files` goes into each checkpoint. Saving throws a NonFiniteError for weights that are not finite. */
export function createCheckpoints(
  run: TrainingRun,
  {
    tokenizer,
    datasets,
    files,
    adapterFiles,
    saveWorker,
    resumedFrom,
  }: { tokenizer: Tokenizer; saveWorker?: URL; resumedFrom: string | null } & Pick<
    SaveTrainingOptions,
    "datasets" | "files" | "adapterFiles"
  >,
): RunListener {
  const { configuration, model, optimizer, shards, average } = run;
  const { every, keepLast, keepBest, background } = configuration.train.checkpoint;
  const keep = { last: keepLast, best: keepBest ? 1 : 0 };
  // A checkpoint of another run is not one of this run: one that ends at once saves what it resumed from.
  const ownDirectory = checkpointDirectory(configuration.run.directory, run.state.step);
  let savedStep = resumedFrom !== null && resolve(resumedFrom) === resolve(ownDirectory) ? run.state.step : -1;
  const { world, pipeline } = model.mesh;
  const isFirst = pipeline.size > 1 ? findTiedWeights(model.parameters, pipeline).isCounted : undefined;
  const writes = world.rank === 0;
  // What is left if the run was killed after it saved a checkpoint and before it deleted others.
  if (writes && savedStep > 0) deleteOldCheckpoints(configuration.run.directory, { step: savedStep, keep });

  /** The save that is being written. */
  let pending: { save: BackgroundSave; step: number; directory: string } | null = null;

  function finish({ step, directory }: { step: number; directory: string }): void {
    if (writes) deleteOldCheckpoints(configuration.run.directory, { step, keep });
    world.barrier({ patience: SAVING_SECONDS });
    run.emit({ type: "saved", step, directory });
  }

  /** Returns when nothing is being written. */
  async function settle(): Promise<void> {
    if (!pending) return;
    await pending.save.finish();
    settled();
  }

  function settled(): void {
    const last = pending!;
    pending = null;
    finish(last);
  }

  async function save({ isLast = false } = {}): Promise<void> {
    const { state, validation } = run;
    await settle();
    if (savedStep === state.step) return;
    checkWeights(model, state.step);
    const directory = checkpointDirectory(configuration.run.directory, state.step);
    const checkpoint = checkpointOf({
      runDirectory: configuration.run.directory,
      model,
      optimizer,
      shards,
      average,
      isFirst,
      state,
      plateau: run.schedule.state,
      datasets,
      configuration,
      tokenizer,
      files,
      adapterFiles,
      validationLoss: validation?.step === state.step ? validation.criterion : undefined,
    });
    const saved = { step: state.step, directory };
    savedStep = state.step;
    if (background && !isLast) {
      pending = { ...saved, save: saveInBackground(checkpoint, { worker: saveWorker }) };
    } else {
      await saveCheckpoint(checkpoint);
      finish(saved);
    }
  }

  return {
    async onStep() {
      if (run.state.step % every === 0) await save();
      else if (pending?.save.isDone()) settled();
    },
    async onEnd() {
      await save({ isLast: true });
    },
    close: () => pending?.save.abandon(),
  };
}
