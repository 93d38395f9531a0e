/**
 * Errors that the caller can fix.
 */
/** A missing file, a broken or unsupported tokenizer, or an invalid option. `userError` marks it as the caller's mistake. */
export class TokenizerError extends Error {
  override readonly name = "TokenizerError";
  readonly userError = true;

  constructor(message: string) {
    // What it quotes may have line breaks.
    super(message.replace(/\s*[\r\n]+\s*/g, " "));
  }
}
