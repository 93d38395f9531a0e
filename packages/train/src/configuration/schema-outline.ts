/**
 * Describes what a zod schema expects at a path, for error messages. Reads the schema through its JSON Schema, so it does
 * not depend on zod internals; refinements are not visible.
 */
import * as z from "zod";

/** The part of JSON Schema that zod's output uses for configurations. */
export interface Outline {
  type?: string;
  properties?: Record<string, Outline>;
  required?: string[];
  additionalProperties?: boolean | Outline;
  items?: boolean | Outline;
  prefixItems?: Outline[];
  anyOf?: Outline[];
  oneOf?: Outline[];
  enum?: unknown[];
  const?: unknown;
  minimum?: number;
  maximum?: number;
  exclusiveMinimum?: number;
  exclusiveMaximum?: number;
  multipleOf?: number;
  minLength?: number;
  minItems?: number;
}

const outlines = new WeakMap<z.ZodType, Outline>();

/** The outline of a schema. Zod takes ten milliseconds for that of a run, so each is made once. */
export function outlineOf(schema: z.ZodType): Outline {
  const outline = outlines.get(schema) ?? (z.toJSONSchema(schema, { io: "input", unrepresentable: "any" }) as Outline);
  outlines.set(schema, outline);
  return outline;
}

/** The outline of the field at `path`. `value` is the whole given value: it selects among discriminated variants. */
export function outlineAt(outline: Outline, path: readonly PropertyKey[], value: unknown): Outline | undefined {
  let here: Outline | undefined = outline;
  let given = value;
  for (const key of path) {
    if (here === undefined) return undefined;
    here = child(here, key, given);
    given = (given as Record<PropertyKey, unknown> | null | undefined)?.[key];
  }
  return here;
}

/** The names of the fields that a group may have, given its value. */
export const fieldNames = (outline: Outline, value: unknown): string[] => [
  ...new Set(groupsFor(outline, value).flatMap((group) => Object.keys(group.properties!))),
];

/** The discriminator of the group's variant, such as "name is cosine"; undefined for a group without variants. */
export function variantName(outline: Outline, value: unknown): string | undefined {
  const fitting = groupsFor(outline, value);
  const [group] = fitting;
  if (group === undefined || fitting.length > 1 || variants(outline).length === 1) return undefined;
  const naming = Object.entries(group.properties!).find(([, field]) => "const" in field);
  return naming && `${naming[0]} is ${naming[1].const}`;
}

/** The allowed values of an enumerated field; empty for others. */
export const choices = (outline: Outline): unknown[] =>
  variants(outline).flatMap((variant) => ("const" in variant ? [variant.const] : (variant.enum ?? [])));

/** The JSON Schema types that a field accepts; "integer" counts as "number". */
export const typesOf = (outline: Outline): Set<string> =>
  new Set(variants(outline).map(({ type = "" }) => (type === "integer" ? "number" : type)));

const listed = new WeakMap<Outline, string[]>();

/** The dotted path of every named field, groups included. Listed once for an outline. */
export function allPaths(outline: Outline): readonly string[] {
  const known = listed.get(outline) ?? listPaths(outline);
  listed.set(outline, known);
  return known;
}

function listPaths(outline: Outline): string[] {
  const paths = variants(outline).flatMap((variant) =>
    Object.entries(variant.properties ?? {}).flatMap(([name, field]) => [
      name,
      ...listPaths(field).map((path) => `${name}.${path}`),
    ]),
  );
  return [...new Set(paths)];
}

/** For example "a whole number of at least 1, or null". */
export function describe(outline: Outline): string {
  const listed = choices(outline);
  const others = variants(outline).filter((variant) => !("const" in variant) && variant.enum === undefined);
  const words = [...new Set(others.filter(({ type }) => type !== "null").map(describeVariant))];
  if (listed.length > 0) words.unshift(listed.length === 1 ? `${listed[0]}` : `one of ${listed.join(", ")}`);
  if (others.some(({ type }) => type === "null")) words.push("null");
  return words.join(" or ");
}

const variants = (outline: Outline): Outline[] =>
  (outline.anyOf ?? outline.oneOf)?.flatMap((variant) => variants(variant)) ?? [outline];

/** The variants whose discriminator fits `value`; all of them if none fits. */
function groupsFor(outline: Outline, value: unknown): Outline[] {
  const groups = variants(outline).filter((variant) => variant.properties !== undefined);
  const fits = (group: Outline) =>
    Object.entries(group.properties!).every(
      ([name, field]) => !("const" in field) || (value as Record<string, unknown> | undefined)?.[name] === field.const,
    );
  const fitting = groups.filter(fits);
  return fitting.length > 0 ? fitting : groups;
}

function child(outline: Outline, key: PropertyKey, value: unknown): Outline | undefined {
  if (typeof key === "number") {
    const list = variants(outline).find(({ type }) => type === "array");
    return list?.prefixItems?.[key] ?? (typeof list?.items === "object" ? list.items : undefined);
  }
  const name = String(key);
  const fields = groupsFor(outline, value).flatMap(({ properties }) =>
    Object.hasOwn(properties!, name) ? [properties![name]!] : [],
  );
  if (fields.length > 0) return fields.length === 1 ? fields[0] : { anyOf: fields };
  const named = variants(outline).find(({ additionalProperties }) => typeof additionalProperties === "object");
  return named?.additionalProperties as Outline | undefined;
}

function describeVariant(outline: Outline): string {
  switch (outline.type) {
    case "integer":
    case "number": {
      const kind = outline.type === "integer" ? "a whole number" : "a number";
      return [kind, bounds(outline)].filter(Boolean).join(" ");
    }
    case "string":
      return (outline.minLength ?? 0) > 0 ? "text that is not empty" : "text";
    case "boolean":
      return "true or false";
    case "array":
      return (outline.minItems ?? 0) > 0 ? `a list of at least ${outline.minItems}` : "a list";
    case "object":
      return outline.properties ? `a group of fields (${shortened(Object.keys(outline.properties))})` : "named values";
    default:
      return "a value of another kind";
  }
}

function bounds({ minimum, maximum, exclusiveMinimum, exclusiveMaximum, multipleOf }: Outline): string {
  const parts: string[] = [];
  // zod bounds every integer by the safe integers, which is not worth mentioning.
  if (minimum !== undefined && minimum > Number.MIN_SAFE_INTEGER) parts.push(`of at least ${minimum}`);
  if (exclusiveMinimum !== undefined) parts.push(`above ${exclusiveMinimum}`);
  if (maximum !== undefined && maximum < Number.MAX_SAFE_INTEGER) parts.push(`of at most ${maximum}`);
  if (exclusiveMaximum !== undefined) parts.push(`below ${exclusiveMaximum}`);
  if (multipleOf !== undefined) parts.push(`divisible by ${multipleOf}`);
  return parts.join(" and ");
}

/** A message has room for this many names. */
const MOST_NAMES = 20;

const shortened = (names: readonly string[]) =>
  names.length <= MOST_NAMES
    ? names.join(", ")
    : `${names.slice(0, MOST_NAMES / 2).join(", ")} and ${names.length - MOST_NAMES / 2} more`;
