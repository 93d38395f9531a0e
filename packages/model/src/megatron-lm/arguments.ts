/** Reads Megatron-LM's arguments by name, and rejects values that would make another model. */
import { ModelError } from "../errors.ts";
import type { MegatronLmArguments } from "./format.ts";

/** Typed access to the arguments of a checkpoint. */
export interface ArgumentReader {
  has(name: string): boolean;
  /** @throws ModelError if the argument is missing (without a fallback) or not a number */
  number(name: string, fallback?: number): number;
  /** @throws ModelError if the argument is missing (without a fallback) or not an integer >= 1 */
  size(name: string, fallback?: number): number;
  /** @throws ModelError if the argument is set to something else than true or false */
  flag(name: string, fallback: boolean): boolean;
  /** @throws ModelError if the argument is set to something else than one of the values */
  oneOf<Value extends string>(name: string, values: readonly Value[], fallback: Value): Value;
  /** @throws ModelError unless the argument is absent, None, or one of the values */
  require(name: string, ...values: readonly unknown[]): void;
  /** @throws ModelError that names the argument and its value */
  reject(name: string, expected: string): never;
}

/** Creates a reader of a checkpoint's arguments. None counts as absent. */
export function readArguments(args: MegatronLmArguments): ArgumentReader {
  const get = (name: string) => args.get(name) ?? undefined;
  const isPresent = (name: string) => get(name) !== undefined;

  function reject(name: string, expected: string): never {
    const value = get(name);
    throw new ModelError(`args.${name} is ${value === undefined ? "missing" : show(value)}; expected ${expected}`);
  }

  function number(name: string, fallback?: number): number {
    const value = get(name) ?? fallback;
    return typeof value === "number" && Number.isFinite(value) ? value : reject(name, "a number");
  }

  return {
    has: isPresent,
    number,
    size(name, fallback) {
      const value = number(name, fallback);
      return Number.isSafeInteger(value) && value >= 1 ? value : reject(name, "an integer >= 1");
    },
    flag(name, fallback) {
      const value = get(name) ?? fallback;
      return typeof value === "boolean" ? value : reject(name, "True or False");
    },
    oneOf(name, values, fallback) {
      const value = get(name) ?? fallback;
      return values.find((known) => known === value) ?? reject(name, `one of ${values.join(", ")}`);
    },
    require(name, ...values) {
      if (isPresent(name) && !values.includes(get(name))) reject(name, values.map(show).join(" or ") || "None");
    },
    reject,
  };
}

/** A value as Python would print it, as far as it is plain. */
function show(value: unknown): string {
  if (value === true) return "True";
  if (value === false) return "False";
  if (typeof value === "number" || typeof value === "bigint") return String(value);
  return typeof value === "string" ? JSON.stringify(value) : "an object";
}
