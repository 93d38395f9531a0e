/** The error of this package. */

/** A mistake of the user: a column, a label, a model that does not fit the task. One line that says what to do. */
export class TaskError extends Error {
  override readonly name = "TaskError";
  readonly userError = true;

  constructor(message: string, { source, line }: { source?: string; line?: number } = {}) {
    const place = line === undefined ? source : `${source}:${line}`;
    super(place === undefined ? message : `${place}: ${message}`);
  }
}
