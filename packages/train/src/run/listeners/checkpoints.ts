/** Saves every `train.checkpoint.every` steps and at the end. Rank 0 writes, the others wait for it. */
import { checkpointDirectory } from "@megatron-ts/checkpoint";
import type { Tokenizer } from "@megatron-ts/tokenizer";
import { checkWeights } from "../check-weights.ts";
import { deleteOldCheckpoints, type SaveTrainingOptions, saveTraining } from "../training-checkpoint.ts";
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
  }: { tokenizer: Tokenizer } & Pick<SaveTrainingOptions, "datasets" | "files" | "adapterFiles">,
): RunListener {
  const { configuration, model, optimizer, shards, average } = run;
  const { every, keepLast, keepBest } = configuration.train.checkpoint;
  const keep = { last: keepLast, best: keepBest ? 1 : 0 };
  let savedStep = run.state.step > 0 ? run.state.step : -1;
  // What is left if the run was killed after it saved a checkpoint and before it deleted others.
  const { world } = model.mesh;
  const writes = world.rank === 0;
  if (writes && savedStep > 0) deleteOldCheckpoints(configuration.run.directory, { step: savedStep, keep });

  async function save(): Promise<void> {
    const { state, validation } = run;
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
      keep,
    };
    if (writes) {
      await saveTraining(options);
      endWriting(options);
    } else helpWriting({ ...options, trainedOnly: adapterFiles != null });
    world.barrier({ patience: SAVING_SECONDS });
    savedStep = state.step;
    run.emit({ type: "saved", step: state.step, directory });
  }

  return {
    async onStep() {
      if (run.state.step % every === 0) await save();
    },
    onEnd: save,
  };
}
