/**
 * Reads config.json so that nothing in it is passed over: a field is read, is known to change nothing, or is refused by
 * its name.
 */
import * as z from "zod";
import { maxLayers } from "../configuration-fields.ts";
import { ModelError } from "../errors.ts";
import type { HuggingFaceConfig } from "./format.ts";
import { harmlessEverywhere } from "./harmless-fields.ts";

/** The fields of one format's config.json. */
export interface FieldTable<Fields extends z.ZodRawShape> {
  /** Those that are read, each with the reference's default. */
  readonly read: Fields;
  /** Other names of those, and the names they are read by: transformers' `attribute_map`. */
  readonly aliases?: Readonly<Record<string, string>>;
  /** Those that change nothing in this format, in addition to those that never do. */
  readonly harmless: readonly string[];
}

/** A size in config.json, with the reference's default. */
export const count = (fallback: number) => z.int().min(1).max(2147483647).default(fallback);

/** A number of layers in config.json, with the reference's default. */
export const layers = (fallback: number) => z.int().min(1).max(maxLayers).default(fallback);

/** A dropout rate in config.json, with the reference's default. */
export const dropoutRate = (fallback: number) => z.number().min(0).lt(1).default(fallback);

/** A number above zero in config.json, such as an epsilon, with the reference's default. */
export const positive = (fallback: number) => z.number().positive().default(fallback);

/** A field that supports one value, which is also the reference's default. */
export const only = <Value extends string | number | boolean | null>(value: Value) => z.literal(value).default(value);

/** Fields that several architectures of transformers have, in formats that can do without them. */
export const onlyOrdinary = {
  is_encoder_decoder: only(false),
  // In files of transformers 4; heads that were removed are missing from the weights as well.
  tie_encoder_decoder: only(false),
  pruned_heads: z.strictObject({}).nullish(),
};

/**
 * Reads a config.json by the table of its format.
 * @throws ModelError that names the first field that has an unsupported value, or that nobody knows
 */
export function readConfigJson<Fields extends z.ZodRawShape>(
  file: HuggingFaceConfig,
  { read, aliases = {}, harmless }: FieldTable<Fields>,
): z.output<z.ZodObject<Fields>> {
  const json = withoutAliases(file, aliases);
  const fields = readFields(json, read);
  const harmlessHere = new Set([...harmlessEverywhere, ...harmless]);
  for (const [field, value] of Object.entries(json)) {
    if (value === null || Object.hasOwn(read, field) || harmlessHere.has(field)) continue;
    throw fieldError(
      field,
      `unknown field with the value ${show(value)}, which may change the model; only null is safe`,
    );
  }
  return fields;
}

/**
 * Reads some fields of a config.json, or of the object that is its field `within`, whatever else it has.
 * @throws ModelError that names the first field that has an unsupported value
 */
export function readFields<Fields extends z.ZodRawShape>(
  json: HuggingFaceConfig,
  fields: Fields,
  { within }: { within?: string } = {},
): z.output<z.ZodObject<Fields>> {
  const result = z.object(fields).safeParse(json);
  if (result.success) return result.data;
  const { path, message } = result.error.issues[0]!;
  const field = [...(within ? [within] : []), ...path].join(".");
  throw fieldError(field, `${message.replace(/^Invalid input: /, "")}; got ${show(json[String(path[0])])}`);
}

/** Renames fields to the names they are read by. A field and its other name must agree. */
function withoutAliases(file: HuggingFaceConfig, aliases: Readonly<Record<string, string>>): HuggingFaceConfig {
  const json: Record<string, unknown> = { ...file };
  for (const [alias, name] of Object.entries(aliases)) {
    if (!Object.hasOwn(json, alias)) continue;
    const value = json[alias];
    delete json[alias];
    if (Object.hasOwn(json, name) && json[name] !== value) {
      throw fieldError(alias, `means the same as ${name}, which is ${show(json[name])}; got ${show(value)}`);
    }
    json[name] = value;
  }
  return json;
}

/** An error about one field of config.json. */
export const fieldError = (field: string, message: string): ModelError =>
  new ModelError(`config.json: ${field}: ${message}`);

/** A value as JSON, shortened to one line. */
export function show(value: unknown): string {
  const text = JSON.stringify(value) ?? "nothing";
  return text.length > 200 ? `${text.slice(0, 200)}...` : text;
}

/** The first of a config.json's `architectures`. Throws a ModelError where it is not a known one. */
export function architectureOf(
  { architectures }: HuggingFaceConfig,
  { known, unnamed }: { known: readonly string[]; unnamed: string },
): string {
  if (architectures === undefined || architectures === null) return unnamed;
  const [first] = Array.isArray(architectures) ? (architectures as unknown[]) : [architectures];
  if (typeof first === "string" && known.includes(first)) return first;
  throw fieldError("architectures", `${show(architectures)} is not supported; these are: ${known.join(", ")}`);
}
