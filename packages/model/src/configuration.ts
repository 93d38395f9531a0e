/** The configuration of a model of any family, as data. A field means the same in every family that has it. */
import * as z from "zod";
import { type AnyFamily, families } from "./registry.ts";

type Schema = AnyFamily["schema"];

/** The schema of each family. */
export const familySchemas = Object.values(families).map(({ schema }) => schema) as [Schema, ...Schema[]];

/** Any family's configuration, told apart by `family`. */
export const modelConfigSchema = z.discriminatedUnion("family", familySchemas);

/** A configuration with its defaults filled in. */
export type ModelConfig = z.output<Schema>;
/** A configuration as it is written: fields with defaults may be left out. */
export type ModelConfigInput = z.input<Schema>;
