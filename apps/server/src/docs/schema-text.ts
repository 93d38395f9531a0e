/** JSON schemas in words: types as TypeScript writes them, and limits. For schemas without references, as requests have. */

/** The parts of a JSON schema that requests use. */
export interface JsonSchema {
  type?: string | readonly string[];
  enum?: readonly unknown[];
  anyOf?: readonly JsonSchema[];
  oneOf?: readonly JsonSchema[];
  properties?: Readonly<Record<string, JsonSchema>>;
  required?: readonly string[];
  additionalProperties?: boolean | JsonSchema;
  items?: JsonSchema;
  description?: string;
  minimum?: number;
  exclusiveMinimum?: number;
  maximum?: number;
  minItems?: number;
  maxItems?: number;
}

const NAMES: Readonly<Record<string, string>> = { integer: "integer", array: "unknown[]", object: "object" };

/** The type of a value, such as `string | string[]`. Null is omitted: it means that the parameter was left out. */
export function typeText(schema: JsonSchema): string {
  const parts = alternatives(schema).map(oneType);
  return [...new Set(parts)].join(" | ") || "any value";
}

/** The alternatives of a schema, each of one type, without null. */
function alternatives(schema: JsonSchema): JsonSchema[] {
  const several = schema.anyOf ?? schema.oneOf;
  if (several) return several.flatMap(alternatives);
  if (schema.enum) return [schema];
  const types = [schema.type ?? []].flat().filter((type) => type !== "null");
  return types.map((type) => ({ ...schema, type }));
}

function oneType(schema: JsonSchema): string {
  if (schema.enum) {
    return schema.enum
      .filter((value) => value !== null)
      .map((value) => JSON.stringify(value))
      .join(" | ");
  }
  if (schema.type === "array" && schema.items) {
    const item = typeText(schema.items);
    return item.includes(" ") ? `(${item})[]` : `${item}[]`;
  }
  const { properties = {}, required = [], additionalProperties: others } = schema;
  const fields = Object.entries(properties).map(
    ([name, field]) => `${name}${required.includes(name) ? "" : "?"}: ${typeText(field)}`,
  );
  if (fields.length > 0) return `{ ${fields.join(", ")} }`;
  if (typeof others === "object" && Object.keys(others).length > 0) return `{ [name]: ${typeText(others)} }`;
  return NAMES[schema.type as string] ?? (schema.type as string);
}

/** What limits a number or a list has, such as "0 to 2"; empty without any. */
export function limitText(schema: JsonSchema): string {
  const { minimum, exclusiveMinimum, maximum, minItems, maxItems } = schema;
  // The largest whole numbers are limits of the format, not of the parameter.
  const most = maximum !== undefined && maximum < 2 ** 31 - 1 ? maximum : undefined;
  const least = minimum !== undefined && minimum > -(2 ** 31) ? minimum : undefined;
  if (least !== undefined && most !== undefined) return `${least} to ${most}`;
  if (exclusiveMinimum !== undefined) return `above ${exclusiveMinimum}${most === undefined ? "" : `, up to ${most}`}`;
  if (least !== undefined) return `at least ${least}`;
  if (most !== undefined) return `at most ${most}`;
  if (maxItems !== undefined) return `${minItems ?? 0} to ${maxItems} items`;
  return "";
}
