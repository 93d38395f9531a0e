/** Applies fields given on the command line to a recipe. Reads no file. */
import { Document, isCollection, isScalar, parseDocument } from "yaml";
import { type Outline, outlineAt, typesOf } from "./schema-outline.ts";

/** A dotted path and its value as given: `["train.steps", "500"]` for `--train.steps 500`. */
export type Override = readonly [path: string, rawValue: string];

/**
 * Sets each field in turn, in place. Values are read as YAML (`1e-4`, `null`, `[1, 2]`), but a field that takes text gets
 * the value as given: `2026`, `"'q'"` and `r #1` are directory names.
 */
export function applyOverrides(configuration: object, overrides: readonly Override[], outline: Outline): void {
  for (const [path, raw] of overrides) {
    const keys = path.split(".");
    const positions = keys.map((key) => (/^\d+$/.test(key) ? Number(key) : key));
    setField(configuration, keys, overrideValue(raw, outlineAt(outline, positions, configuration)));
  }
}

function overrideValue(raw: string, field: Outline | undefined): unknown {
  const types = field ? typesOf(field) : new Set<string>();
  const value = readYaml(raw);
  if (!types.has("string")) return value;
  return types.has(typeOf(value)) ? value : raw;
}

/** Scalars and flow collections as YAML has them; anything else as given. */
function readYaml(raw: string): unknown {
  const { contents, errors } = parseDocument(raw, { prettyErrors: false });
  const plain = errors.length === 0 && (isScalar(contents) || (isCollection(contents) && contents.flow === true));
  return plain ? new Document(contents).toJS() : raw;
}

/** The JSON Schema type of a value that is not text; "" for text. */
function typeOf(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "array";
  return typeof value === "string" ? "" : typeof value;
}

/** Creates missing groups, and replaces values in the way of a group. */
function setField(group: object, [name, ...rest]: string[], value: unknown): void {
  // Not by assignment: `__proto__` must become an ordinary field, so that the schema refuses it.
  const define = (inner: unknown) =>
    Object.defineProperty(group, name!, { value: inner, writable: true, enumerable: true, configurable: true });
  if (rest.length === 0) {
    define(value);
    return;
  }
  const present = Object.getOwnPropertyDescriptor(group, name!)?.value;
  const next = typeof present === "object" && present !== null ? present : {};
  if (next !== present) define(next);
  setField(next, rest, value);
}
