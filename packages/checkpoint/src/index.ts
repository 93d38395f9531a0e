/** Checkpoints on disk: sharded safetensors and a manifest, written atomically and verified when read. */

export { type AdaptedModel, adaptModel } from "./adapter/adapt-model.ts";
export { type AdapterStart, openAdapterStart } from "./adapter/adapter-start.ts";
export { exportAdapter, isAdapter } from "./adapter/export-adapter.ts";
export { loadModel } from "./adapter/load-model.ts";
export { adapterAt, adapterBaseOf, openModelCheckpoint, weightsFingerprint } from "./adapter/open-model-checkpoint.ts";
export { type AdapterOrigin, peftFiles } from "./adapter/write-adapter.ts";
export { SAVING_SECONDS, type SavingRanks } from "./agreement.ts";
export { averageCheckpoints } from "./average-checkpoints.ts";
export { type CheckedCheckpoint, checkCheckpoint } from "./check-tensors.ts";
export { commitDirectory } from "./directory.ts";
export { CheckpointError } from "./errors.ts";
export type { FileDigest, WriteBytes } from "./file-writer.ts";
export { foreignSource, readForeignWeight } from "./foreign-weights.ts";
export { CHAT_TEMPLATE_FILE, chatTemplateOf } from "./hugging-face/chat-template.ts";
export { type CompanionKind, companionFiles, readCompanionFiles } from "./hugging-face/companion-files.ts";
export { isHuggingFaceDirectory, openHuggingFaceDirectory } from "./hugging-face/directory.ts";
export { type ExportOptions, exportHuggingFace } from "./hugging-face/export-hugging-face.ts";
export { type ImportOptions, importHuggingFace } from "./hugging-face/import-hugging-face.ts";
export { loadLatestCheckpoint, resolveCheckpoint } from "./latest-checkpoint.ts";
export { lengthenedSource } from "./lengthened-source.ts";
export { type LoadedCheckpoint, loadCheckpoint, verifyCheckpoint } from "./load-checkpoint.ts";
export { readManifest } from "./manifest.ts";
export type { JsonRecord, Manifest } from "./manifest-schema.ts";
export { describeMegatronCheckpoint, type MegatronDescription } from "./megatron-lm/describe-megatron-checkpoint.ts";
export { isMegatronCheckpoint } from "./megatron-lm/iteration-directory.ts";
export { type MegatronCheckpoint, openMegatronCheckpoint } from "./megatron-lm/open-megatron-checkpoint.ts";
export {
  checkpointSource,
  modelConfigOf,
  readPart,
  tensorEntry,
  weightEntries,
} from "./model-checkpoint.ts";
export { reshardCheckpoint } from "./reshard-checkpoint.ts";
export { checkpointsToDelete, type RetainedCheckpoint } from "./retention.ts";
export {
  bestCheckpoint,
  checkpointDirectory,
  type DamagedCheckpoint,
  deleteCheckpoint,
  latestCheckpoint,
  latestIntactCheckpoint,
  listCheckpoints,
  listRetainedCheckpoints,
  type SavedCheckpoint,
} from "./run-directory.ts";
export { openSafetensors, type SafetensorsFile, writeSafetensors } from "./safetensors.ts";
export { type SaveCheckpointOptions, saveCheckpoint } from "./save-checkpoint.ts";
export { type BackgroundSave, saveInBackground } from "./save-in-background.ts";
export type { Dtype, TensorBox, TensorDescription, TensorEntry } from "./tensor-entry.ts";
export type { TensorReader } from "./tensor-reader.ts";
