/** The errors of this package. */

/** A mistake of the user: a column, a label, a model that does not fit the task. One line that says what to do. */
export class TaskError extends Error {
  override readonly name: string = "TaskError";
  readonly userError = true;

  constructor(message: string, { source, line }: { source?: string; line?: number } = {}) {
    const place = line === undefined ? source : `${source}:${line}`;
    super(place === undefined ? message : `${place}: ${message}`);
  }
}

/** A row without the column of a field. The caller knows how columns are named: in a recipe or by an option. */
export class MissingColumnError extends TaskError {
  override readonly name = "MissingColumnError";
  readonly field: string;

  constructor(message: string, { field, ...place }: { field: string; source?: string; line?: number }) {
    super(message, place);
    this.field = field;
  }
}

/** A task that models of a family cannot do. */
export class FamilyError extends TaskError {
  override readonly name = "FamilyError";
}

/** A model whose output is NaN or infinite. */
export class OutputError extends Error {
  override readonly name = "OutputError";
  readonly userError = false;

  constructor(value: number) {
    super(`the model's output is not finite (${value}): its weights are damaged or training diverged`);
  }
}
