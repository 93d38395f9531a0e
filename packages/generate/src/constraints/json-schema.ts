/**
 * JSON Schema (2020-12) to a part of a pattern: every text of it is JSON that the schema allows. Keys come in the order of
 * `properties`, and there are no others. What would change which values are allowed, and is not understood, is refused.
 */
import { GenerateError } from "../errors.ts";
import { integersBetween } from "./integer-range.ts";
import { anyValue, characterOf, comma, enclosed, integer, jsonObject, member, number, string } from "./json-values.ts";
import type { Part } from "./nfa.ts";
import { either, literal, separated, sequence } from "./parts.ts";
import { regularExpression } from "./regular-expression.ts";

type Schema = Readonly<Record<string, unknown>>;

/** Keywords that say nothing about which values are allowed. */
const ANNOTATIONS = new Set([
  ...["$schema", "$id", "$comment", "$defs", "definitions", "title", "description", "default", "examples"],
  ...["deprecated", "readOnly", "writeOnly", "format", "contentEncoding", "contentMediaType"],
]);

/** Keywords of each type that are understood. */
const KEYWORDS: Readonly<Record<string, readonly string[]>> = {
  object: ["properties", "required", "additionalProperties"],
  array: ["items", "prefixItems", "minItems", "maxItems"],
  string: ["minLength", "maxLength", "pattern"],
  integer: ["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"],
  number: [],
  boolean: [],
  null: [],
};
const ALL_TYPES = Object.keys(KEYWORDS);

/** How deep references may lead: a schema that contains itself has no end. */
const DEEPEST = 32;

/** Translates a schema. Throws a GenerateError for one that is none, is not supported, or allows nothing. */
export function jsonSchema(root: unknown): Part {
  const translate = (schema: unknown, path: string, depth: number): Part => {
    if (depth > DEEPEST) throw refused(path, "it contains itself, or is nested too deeply");
    if (schema === true) return anyValue(2);
    if (schema === false) throw refused(path, "false allows nothing");
    if (typeof schema !== "object" || schema === null || Array.isArray(schema))
      throw refused(path, "expected a schema");
    return anyOfTypes(schema as Schema, path, (inner, name) => translate(inner, `${path}/${name}`, depth + 1));
  };

  function anyOfTypes(schema: Schema, path: string, inner: (schema: unknown, name: string) => Part): Part {
    if (typeof schema.$ref === "string") {
      only(schema, ["$ref"], path);
      return inner(resolve(root, schema.$ref, path), `$ref(${schema.$ref})`);
    }
    if ("const" in schema) {
      only(schema, ["const", "type"], path);
      return literals([schema.const], { schema, path });
    }
    if ("enum" in schema) {
      only(schema, ["enum", "type"], path);
      return literals(list(schema.enum, `${path}/enum`), { schema, path });
    }
    const union = schema.anyOf ?? schema.oneOf ?? schema.allOf;
    if (union !== undefined) {
      const name = schema.anyOf ? "anyOf" : schema.oneOf ? "oneOf" : "allOf";
      only(schema, [name], path);
      const branches = list(union, `${path}/${name}`);
      if (name === "allOf" && branches.length > 1) throw refused(path, "allOf with several schemas is not supported");
      if (name === "oneOf" && !excludeEachOther(branches)) {
        throw refused(path, "oneOf is only supported where types or constants tell its schemas apart: use anyOf");
      }
      return either(...branches.map((branch, index) => inner(branch, `${name}/${index}`)));
    }
    const types = typesNamed(schema, path);
    const known = types ?? typesImplied(schema);
    only(schema, ["type", ...known.flatMap((type) => KEYWORDS[type]!)], path);
    if (types === null && known.length === ALL_TYPES.length) return anyValue(2);
    return either(...known.map((type) => ofType(type, schema, path, inner)));
  }

  function ofType(type: string, schema: Schema, path: string, inner: (schema: unknown, name: string) => Part): Part {
    if (type === "object") return objectOf(schema, path, inner);
    if (type === "array") return arrayOf(schema, path, inner);
    if (type === "string") return stringOf(schema, path);
    if (type === "integer") return integerOf(schema, path);
    if (type === "number") return number;
    if (type === "boolean") return either(literal("true"), literal("false"));
    return literal("null");
  }

  return translate(root, "#", 0);
}

/** References to itself make a path long. */
const LONGEST_PATH = 80;

const refused = (path: string, what: string) =>
  new GenerateError(`schema at ${path.length > LONGEST_PATH ? `${path.slice(0, LONGEST_PATH)}...` : path}: ${what}`);

/** The types that a schema names; null if it names none. */
function typesNamed({ type }: Schema, path: string): string[] | null {
  if (type === undefined) return null;
  const types = typeof type === "string" ? [type] : list(type, `${path}/type`);
  const unknown = types.find((one) => !ALL_TYPES.includes(one as string));
  if (unknown !== undefined) throw refused(path, `there is no type ${JSON.stringify(unknown)}`);
  return types as string[];
}

/** Those of the values that are of the schema's type, which may not be said. */
function literals(values: readonly unknown[], { schema, path }: { schema: Schema; path: string }): Part {
  const types = typesNamed(schema, path);
  const allowed = values.filter((value) => !types || types.some((type) => isOfType(value, type)));
  if (allowed.length === 0) throw refused(path, `there is no ${types!.join(" or ")} among the values that it lists`);
  return either(...allowed.map((value) => literal(JSON.stringify(value))));
}

function isOfType(value: unknown, type: string): boolean {
  if (type === "null") return value === null;
  if (type === "array") return Array.isArray(value);
  if (type === "integer") return Number.isInteger(value);
  if (type === "object") return typeof value === "object" && value !== null && !Array.isArray(value);
  return typeof value === type;
}

/** Throws for keywords that are not understood. */
function only(schema: Schema, known: readonly string[], path: string): void {
  const other = Object.keys(schema).find((key) => !known.includes(key) && !ANNOTATIONS.has(key));
  if (other !== undefined) throw refused(path, `${JSON.stringify(other)} is not supported here`);
}

function list(value: unknown, path: string): unknown[] {
  if (Array.isArray(value) && value.length > 0) return value;
  throw refused(path, "expected a list with at least one entry");
}

function count(schema: Schema, key: string, { path, otherwise }: { path: string; otherwise: number }): number {
  const value = schema[key];
  if (value === undefined) return otherwise;
  if (Number.isInteger(value) && (value as number) >= 0) return value as number;
  throw refused(path, `${key}: expected a number from 0`);
}

/** The types of a schema without `type`, by its keywords. */
function typesImplied(schema: Schema): string[] {
  const implied = ALL_TYPES.filter((type) => KEYWORDS[type]!.some((keyword) => keyword in schema));
  return implied.length > 0 ? implied : ALL_TYPES;
}

function resolve(root: unknown, reference: string, path: string): unknown {
  if (!reference.startsWith("#")) throw refused(path, `${reference} leads out of the schema`);
  let found = root;
  for (const part of reference.slice(1).split("/").filter(Boolean)) {
    const key = decodeURIComponent(part).replaceAll("~1", "/").replaceAll("~0", "~");
    if (typeof found !== "object" || found === null || !Object.hasOwn(found, key)) {
      throw refused(path, `there is no ${reference}`);
    }
    found = (found as Record<string, unknown>)[key];
  }
  return found;
}

function objectOf(schema: Schema, path: string, inner: (schema: unknown, name: string) => Part): Part {
  const { properties = {}, required = [], additionalProperties: more } = schema;
  if (typeof properties !== "object" || properties === null) throw refused(path, "properties: expected an object");
  if (!Array.isArray(required)) throw refused(path, "required: expected a list");
  const entries = Object.entries(properties);
  const missing = required.find((key) => !Object.hasOwn(properties, key as string));
  if (missing !== undefined)
    throw refused(path, `${JSON.stringify(missing)} is required, but not one of its properties`);
  if (entries.length === 0) {
    if (more === false) return enclosed("{", literal(""), "}");
    if (more === undefined || more === true) return jsonObject(3);
    return enclosed("{", separated(member(string(), inner(more, "additionalProperties")), comma), "}");
  }
  const members = entries.map(([key, value]) => ({
    part: member(literal(JSON.stringify(key)), inner(value, `properties/${key}`)),
    isRequired: required.includes(key),
  }));
  return enclosed("{", inOrder(members), "}");
}

/** Members in order, some of which may be left out, with commas between those that are there. */
function inOrder(members: readonly { part: Part; isRequired: boolean }[]): Part {
  return (nfa, from) => {
    // Two rails: nothing written yet, and something written, after which a comma is needed.
    let nothing: number | null = from;
    let something: number | null = null;
    for (const { part, isRequired } of members) {
      const start = nfa.addState();
      if (nothing !== null) nfa.addJump(nothing, start);
      if (something !== null) nfa.addJump(comma(nfa, something), start);
      const after = nfa.addState();
      nfa.addJump(part(nfa, start), after);
      if (!isRequired && something !== null) nfa.addJump(something, after);
      if (isRequired) nothing = null;
      something = after;
    }
    const end = nfa.addState();
    nfa.addJump(something!, end);
    if (nothing !== null) nfa.addJump(nothing, end);
    return end;
  };
}

function arrayOf(schema: Schema, path: string, inner: (schema: unknown, name: string) => Part): Part {
  const least = count(schema, "minItems", { path, otherwise: 0 });
  const most = count(schema, "maxItems", { path, otherwise: Number.POSITIVE_INFINITY });
  if (least > most) throw refused(path, `at least ${least} and at most ${most} items cannot be`);
  if (schema.prefixItems !== undefined) {
    const first = list(schema.prefixItems, `${path}/prefixItems`).map((item, index) =>
      inner(item, `prefixItems/${index}`),
    );
    if (schema.items !== undefined && schema.items !== false)
      throw refused(path, "items after prefixItems are not supported");
    if (least > first.length || most < first.length)
      throw refused(path, "minItems and maxItems do not fit prefixItems");
    return enclosed("[", sequence(...first.flatMap((part, index) => (index === 0 ? [part] : [comma, part]))), "]");
  }
  if (most === 0) return enclosed("[", literal(""), "]");
  const item = schema.items === undefined ? anyValue(2) : inner(schema.items, "items");
  return enclosed("[", separated(item, comma, { least, most }), "]");
}

function stringOf(schema: Schema, path: string): Part {
  const least = count(schema, "minLength", { path, otherwise: 0 });
  const most = count(schema, "maxLength", { path, otherwise: Number.POSITIVE_INFINITY });
  if (least > most) throw refused(path, `at least ${least} and at most ${most} characters cannot be`);
  if (schema.pattern === undefined) return string({ least, most });
  if (typeof schema.pattern !== "string") throw refused(path, "pattern: expected a regular expression");
  if (schema.minLength !== undefined || schema.maxLength !== undefined) {
    throw refused(path, "pattern together with a length is not supported: put the length into the pattern");
  }
  const inner = regularExpression(schema.pattern, { character: characterOf, anywhere: true });
  return sequence(literal('"'), inner, literal('"'));
}

function integerOf(schema: Schema, path: string): Part {
  const bound = (key: string) => {
    const value = schema[key];
    if (value === undefined) return null;
    if (typeof value === "number" && Math.abs(value) <= Number.MAX_SAFE_INTEGER) return value;
    throw refused(path, `${key}: expected a number of at most 2^53`);
  };
  const [low, high, above, below] = [
    bound("minimum"),
    bound("maximum"),
    bound("exclusiveMinimum"),
    bound("exclusiveMaximum"),
  ];
  if (low === null && high === null && above === null && below === null) return integer;
  const least = Math.max(
    low ?? Number.NEGATIVE_INFINITY,
    above === null ? Number.NEGATIVE_INFINITY : Math.floor(above) + 1,
  );
  const most = Math.min(
    high ?? Number.POSITIVE_INFINITY,
    below === null ? Number.POSITIVE_INFINITY : Math.ceil(below) - 1,
  );
  const found = integersBetween(least, most);
  if (found) return found;
  throw refused(path, `there is no integer from ${least} to ${most}`);
}

/** Whether at most one schema allows a value: types differ, or a constant of the same key does. */
function excludeEachOther(branches: readonly unknown[]): boolean {
  const isObject = (branch: unknown): branch is Schema => typeof branch === "object" && branch !== null;
  if (!branches.every(isObject)) return false;
  const differ = (values: readonly unknown[]) =>
    values.every((value) => value !== undefined) &&
    new Set(values.map((value) => JSON.stringify(value))).size === values.length;
  const types = branches.map(({ type }) => type);
  const isSame = types.includes("integer") && types.includes("number");
  if (types.every((type) => typeof type === "string") && differ(types) && !isSame) return true;
  const [first] = branches;
  const keys = Object.keys((first!.properties ?? {}) as Schema);
  return keys.some((key) => {
    const values = branches.map(({ properties, required }) =>
      Array.isArray(required) && required.includes(key)
        ? (properties as Readonly<Record<string, Schema>> | undefined)?.[key]?.const
        : undefined,
    );
    return differ(values);
  });
}
