/** Error class of this package. */

/** A backend is unknown, cannot run here, or is out of memory; or the number of threads makes no sense. */
export class EngineError extends Error {
  override readonly name = "EngineError";
  readonly userError = true;
}
