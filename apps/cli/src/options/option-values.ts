/** Texts of the command line as the values that options want; commander says which option was wrong. */
import { InvalidArgumentError } from "commander";

/** A whole number of at least `minimum`. */
export const wholeNumber =
  (minimum: number) =>
  (text: string): number => {
    const value = Number(text);
    if (text.trim() !== "" && Number.isSafeInteger(value) && value >= minimum) return value;
    throw new InvalidArgumentError(`Expected a whole number from ${minimum}.`);
  };

/** A number; what it may be is for the package that takes it. */
export function anyNumber(text: string): number {
  const value = Number(text);
  if (text.trim() !== "" && Number.isFinite(value)) return value;
  throw new InvalidArgumentError("Expected a number.");
}

/** Numbers with commas between them: 98,1,1. */
export function numberList(text: string): number[] {
  try {
    return text.split(",").map(anyNumber);
  } catch {
    throw new InvalidArgumentError("Expected numbers with commas between them, such as 98,1,1.");
  }
}

/** A path or a name: anything but nothing, which a forgotten variable of a shell leaves. */
export function notEmpty(text: string): string {
  if (text !== "") return text;
  throw new InvalidArgumentError("Expected something, got an empty text.");
}
