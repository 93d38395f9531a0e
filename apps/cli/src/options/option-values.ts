/** Parses option values; commander adds which option was wrong. */
import { InvalidArgumentError } from "commander";

/** An integer from `minimum` to `maximum`. */
export const integer =
  (minimum: number, maximum = Number.MAX_SAFE_INTEGER) =>
  (text: string): number => {
    const value = Number(text);
    if (text.trim() !== "" && Number.isSafeInteger(value) && value >= minimum && value <= maximum) return value;
    const limit = maximum === Number.MAX_SAFE_INTEGER ? "" : ` and <= ${maximum}`;
    throw new InvalidArgumentError(`Expected an integer >= ${minimum}${limit}.`);
  };

/** Any finite number; its range is checked by the package that takes it. */
export function number(text: string): number {
  const value = Number(text);
  if (text.trim() !== "" && Number.isFinite(value)) return value;
  throw new InvalidArgumentError("Expected a number.");
}

/** A number above 0. */
export function positive(text: string): number {
  const value = number(text);
  if (value > 0) return value;
  throw new InvalidArgumentError("Expected a number above 0.");
}

/** Comma-separated numbers: 98,1,1. */
export function numberList(text: string): number[] {
  try {
    return text.split(",").map(number);
  } catch {
    throw new InvalidArgumentError("Expected comma-separated numbers, such as 98,1,1.");
  }
}

/** A path or a name. Rejects the empty string, which an unset shell variable leaves. */
export function nonEmpty(text: string): string {
  if (text !== "") return text;
  throw new InvalidArgumentError("Expected a value, got an empty string.");
}
