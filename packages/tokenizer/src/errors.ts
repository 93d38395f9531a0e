// The error of everything that the caller can mend: a missing file, a broken or unsupported tokenizer, a bad option.

export class TokenizerError extends Error {
  readonly userError = true;
  override readonly name = "TokenizerError";
}
