/**
 * Reads the fields of a part of tokenizer.json (a normalizer, pre-tokenizer, model, post-processor or decoder), and checks
 * their types.
 */
import { TokenizerError } from "../errors.ts";
import type { PatternJson } from "../text/patterns/pattern.ts";

/** A normalizer, pre-tokenizer, model, post-processor or decoder: a `type` and its fields. */
export interface TokenizerPart {
  type: string;
  [field: string]: unknown;
}

/** A value in an error message, shortened. */
export function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}

/** Whether a value is an object, and not an array. */
export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Whether a value is a string without lone surrogates, which UTF-8 cannot represent. */
export function isText(value: unknown): value is string {
  return typeof value === "string" && !/\p{Surrogate}/u.test(value);
}

/** Whether a value is an integer from 0. */
export function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

/** Sequences of sequences may nest this deep. */
const DEEPEST = 16;

/** The fields of one part. Every method throws a TokenizerError if the field is missing or has another type. */
export class PartFields {
  readonly type: string;
  private readonly part: Record<string, unknown>;
  private readonly depth: number;

  constructor(part: unknown, depth = 0) {
    if (!isObject(part) || typeof part.type !== "string") {
      throw new TokenizerError(`expected a part of a tokenizer with a "type", got ${shown(part)}`);
    }
    if (depth > DEEPEST) throw new TokenizerError(`${part.type}: parts are nested too deeply`);
    this.part = part;
    this.type = part.type;
    this.depth = depth;
  }

  /** Throws an error about this part. */
  fail(message: string): never {
    throw new TokenizerError(`${this.type}: ${message}`);
  }

  /** Throws an error about a type of part that is not supported. */
  unsupported(kind: string): never {
    throw new TokenizerError(`unsupported ${kind} ${shown(this.type)}`);
  }

  private get<T>(name: string, expected: string, test: (value: unknown) => value is T, fallback?: T): T {
    const value = this.part[name] ?? fallback;
    return test(value) ? value : this.fail(`"${name}" must be ${expected}, got ${shown(this.part[name])}`);
  }

  /** A string. */
  text(name: string, fallback?: string): string {
    return this.get(name, "a string", isText, fallback);
  }

  /** A string, or undefined if the field is null or missing. */
  optionalText(name: string): string | undefined {
    return (this.part[name] ?? undefined) === undefined ? undefined : this.text(name);
  }

  /** A string of one code point. */
  character(name: string, fallback?: string): string {
    const isCharacter = (value: unknown): value is string => isText(value) && [...value].length === 1;
    return this.get(name, "one character", isCharacter, fallback);
  }

  /** A boolean. */
  flag(name: string, fallback?: boolean): boolean {
    return this.get(name, "true or false", (value): value is boolean => typeof value === "boolean", fallback);
  }

  /** A boolean, or undefined if the field is null or missing. */
  optionalFlag(name: string): boolean | undefined {
    return (this.part[name] ?? undefined) === undefined ? undefined : this.flag(name);
  }

  /** An integer from `minimum`. */
  count(name: string, { minimum = 0, fallback }: { minimum?: number; fallback?: number } = {}): number {
    const isLarge = (value: unknown): value is number => isCount(value) && value >= minimum;
    return this.get(name, `an integer >= ${minimum}`, isLarge, fallback);
  }

  /** A number, or undefined if the field is null or missing. */
  optionalNumber(name: string): number | undefined {
    if ((this.part[name] ?? undefined) === undefined) return undefined;
    return this.get(name, "a number", (value): value is number => Number.isFinite(value));
  }

  /** One of several strings. */
  oneOf<T extends string>(name: string, values: readonly T[], fallback?: T): T {
    const isOne = (value: unknown): value is T => values.includes(value as T);
    return this.get(name, `one of ${values.join(", ")}`, isOne, fallback);
  }

  /** A pattern: `{ "String": ... }` or `{ "Regex": ... }`. */
  pattern(name: string): PatternJson {
    const isPattern = (value: unknown): value is PatternJson =>
      isObject(value) && Object.keys(value).length === 1 && isText(value.String ?? value.Regex);
    return this.get(name, 'a pattern like {"String": "..."}', isPattern);
  }

  /** A special token and its id: `["[SEP]", 102]`. */
  token(name: string): readonly [string, number] {
    const isToken = (value: unknown): value is readonly [string, number] =>
      Array.isArray(value) && value.length === 2 && isText(value[0]) && isCount(value[1]);
    return this.get(name, "a token and its id", isToken);
  }

  /** A list. */
  list(name: string): readonly unknown[] {
    return this.get(name, "a list", (value): value is readonly unknown[] => Array.isArray(value));
  }

  /** An object. */
  object(name: string, fallback?: Record<string, unknown>): Record<string, unknown> {
    return this.get(name, "an object", isObject, fallback);
  }

  /** A list of parts. */
  parts(name: string): PartFields[] {
    return this.list(name).map((part) => new PartFields(part, this.depth + 1));
  }

  /** The field as it is. */
  raw(name: string): unknown {
    return this.part[name];
  }
}
