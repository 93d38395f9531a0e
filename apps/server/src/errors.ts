/** Errors of this package. */

/** Thrown for a server that cannot start as asked: a port in use, an option out of range. */
export class ServerError extends Error {
  override readonly name = "ServerError";
  readonly userError = true;
}

/** The fields of an error in OpenAI's shape. */
export interface ApiErrorFields {
  /** HTTP status. */
  status: 400 | 401 | 404 | 405 | 408 | 413 | 415 | 429 | 500 | 503;
  /** The parameter that is wrong. */
  param?: string;
  /** A word that programs can compare. */
  code?: string;
  /** Seconds after which to try again. */
  retryAfter?: number;
}

/** An error that a client gets as the answer. */
export class ApiError extends Error {
  override readonly name = "ApiError";

  constructor(
    message: string,
    readonly fields: ApiErrorFields,
  ) {
    super(message);
  }
}
