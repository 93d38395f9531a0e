/** What a server knows of an adapter. */

/** An adapter that is served beside its base. */
export interface ServedAdapter {
  /** Its name in requests. */
  name: string;
  /** A run, a checkpoint, or a directory in PEFT's format. */
  directory: string;
}
