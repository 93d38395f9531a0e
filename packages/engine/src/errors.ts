/** Errors of this package: a backend that is unknown or cannot run here. */

export class EngineError extends Error {
  readonly userError = true;
  override readonly name = "EngineError";
}
