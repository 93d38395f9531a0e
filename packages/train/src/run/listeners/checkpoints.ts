/**
 * Saves every `train.checkpoint.every` steps and at the end. Rank 0 writes, the others wait for it; with `train.checkpoint.background` only
 * until it has copied their tensors, and it writes while all train on.
 */
import { type BackgroundSave, checkpointDirectory, saveCheckpoint, saveInBackground } from "@megatron-ts/checkpoint";
import type { Tokenizer } from "@megatron-ts/tokenizer";
import { checkWeights } from "../check-weights.ts";
import { checkpointOf, deleteOldCheckpoints, type SaveTrainingOptions } from "../training-checkpoint.ts";
import { endWriting, helpWriting, SAVING_SECONDS } from "../training-entries.ts";
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
  }: { tokenizer: Tokenizer; saveWorker?: URL } & Pick<SaveTrainingOptions, "datasets" | "files" | "adapterFiles">,
): RunListener {
  const { configuration, model, optimizer, shards, average } = run;
  const { every, keepLast, keepBest, background } = configuration.train.checkpoint;
  const keep = { last: keepLast, best: keepBest ? 1 : 0 };
  let savedStep = run.state.step > 0 ? run.state.step : -1;
  // What is left if the run was killed after it saved a checkpoint and before it deleted others.
  const { world } = model.mesh;
  const writes = world.rank === 0;
  if (writes && savedStep > 0) deleteOldCheckpoints(configuration.run.directory, { step: savedStep, keep });

  /** The save that is being written; only on the rank that writes. */
  let pending: { save: BackgroundSave; step: number; directory: string; isDone: boolean } | null = null;

  function finish({ step, directory }: { step: number; directory: string }): void {
    if (writes) deleteOldCheckpoints(configuration.run.directory, { step, keep });
    run.emit({ type: "saved", step, directory });
  }

  /** Returns when nothing is being written. */
  async function settle(): Promise<void> {
    const last = pending;
    if (!last) return;
    await last.save.done;
    pending = null;
    finish(last);
  }

  async function save({ isLast = false } = {}): Promise<void> {
    const { state, validation } = run;
    await settle();
    if (savedStep === state.step) return;
    checkWeights(model, state.step);
    const directory = checkpointDirectory(configuration.run.directory, state.step);
    const options = {
      runDirectory: configuration.run.directory,
      model,
      optimizer,
      shards,
      average,
      state,
      plateau: run.schedule.state,
      datasets,
      configuration,
      tokenizer,
      files,
      adapterFiles,
      validationLoss: validation?.step === state.step ? validation.criterion : undefined,
    };
    const saved = { step: state.step, directory };
    if (writes) {
      const checkpoint = checkpointOf(options);
      if (background && !isLast) track(saveInBackground(checkpoint, { worker: saveWorker }), saved);
      else await saveCheckpoint(checkpoint);
      endWriting(options);
    } else helpWriting({ ...options, trainedOnly: adapterFiles != null });
    world.barrier({ patience: SAVING_SECONDS });
    savedStep = state.step;
    if (!pending) finish(saved);
  }

  function track(save: BackgroundSave, { step, directory }: { step: number; directory: string }): void {
    const tracked = { save, step, directory, isDone: false };
    const done = () => {
      tracked.isDone = true;
    };
    save.done.then(done, done);
    pending = tracked;
  }

  return {
    async onStep() {
      if (run.state.step % every === 0) await save();
      else if (pending?.isDone) await settle();
    },
    async onEnd() {
      await save({ isLast: true });
      world.barrier({ patience: SAVING_SECONDS });
    },
    close: () => pending?.save.abandon(),
  };
}
