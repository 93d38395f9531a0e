/** Applies fields given on the command line to a recipe. Knows neither schema nor file. */
import { Document, isCollection, isScalar, parseDocument } from "yaml";

/** A dotted path and the text given for it: `["train.steps", "500"]` for `--train.steps 500`. */
export type Override = readonly [path: string, rawValue: string];

/** Sets each field in turn, in place. Values are read as YAML: `1e-4`, `null`, `[1, 2]`, else as they stand. */
export function applyOverrides(configuration: object, overrides: readonly Override[]): void {
  for (const [path, rawValue] of overrides) setField(configuration, path.split("."), overrideValue(rawValue));
}

function overrideValue(raw: string): unknown {
  const { contents, errors } = parseDocument(raw, { prettyErrors: false });
  const plain = errors.length === 0 && (isScalar(contents) || (isCollection(contents) && contents.flow === true));
  return plain ? new Document(contents).toJS() : raw;
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
