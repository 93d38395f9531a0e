/** The configuration of a layout, as a recipe has it: a pattern by its name, and its options. */
import * as z from "zod";
import { LayoutError } from "../errors.ts";
import { bigbird } from "./bigbird.ts";
import { bslongformer } from "./bslongformer.ts";
import { causal, dense } from "./diagonals.ts";
import { dilated } from "./dilated.ts";
import { fixed } from "./fixed.ts";
import { BLOCK, type Layout } from "./layout.ts";
import { local } from "./local.ts";
import { localBlocks } from "./local-blocks.ts";
import { strided } from "./strided.ts";
import { variable } from "./variable.ts";

const size = z.int().positive();
const count = z.int().nonnegative();

const blockSize = size
  .refine((value) => BLOCK % value === 0 || value % BLOCK === 0, {
    message: `expected a divisor or a multiple of ${BLOCK}`,
  })
  .optional();
const blockRanges = z.array(z.union([count, z.tuple([count, count])])).optional();
const random = {
  randomBlocks: count.optional(),
  perHead: z.boolean().optional(),
  seed: count.max(2 ** 32 - 1).optional(),
};

const names = [
  "dense",
  "local",
  "local-blocks",
  "fixed",
  "strided",
  "variable",
  "bigbird",
  "bslongformer",
  "dilated",
] as const;
/** Layer i has the layout of entry i, after the last one from the first again: the configured one, or dense. Default: all have it. */
const layers = z.array(z.enum(names)).min(1).optional();

/** The schema of a layout. What each option means, and its default, is said by the function of the same name. */
export const layoutSchema = z
  .discriminatedUnion("layout", [
    z.strictObject({ layout: z.literal("dense"), layers }),
    z.strictObject({
      layout: z.literal("local"),
      layers,
      /** Several: layer i has entry i, after the last one from the first again. */
      window: z.union([size, z.array(size).min(1)]).optional(),
      globalTokens: z.array(count).optional(),
    }),
    z.strictObject({ layout: z.literal("local-blocks"), layers, blockSize, windowBlocks: size.optional() }),
    z.strictObject({
      layout: z.literal("fixed"),
      layers,
      blockSize,
      localBlocks: size.optional(),
      globalBlocks: size.optional(),
      globalPatterns: size.optional(),
      globalRows: z.boolean().optional(),
    }),
    z.strictObject({
      layout: z.literal("strided"),
      layers,
      stride: size.optional(),
      heads: z.enum(["merged", "alternating"]).optional(),
    }),
    z.strictObject({
      layout: z.literal("variable"),
      layers,
      blockSize,
      localBlocks: z.array(size).min(1).optional(),
      globalBlocks: blockRanges,
      globalRows: z.boolean().optional(),
      ...random,
    }),
    z.strictObject({
      layout: z.literal("bigbird"),
      layers,
      blockSize,
      windowBlocks: size.optional(),
      globalBlocks: count.optional(),
      lastGlobal: z.boolean().optional(),
      ...random,
    }),
    z.strictObject({
      layout: z.literal("bslongformer"),
      layers,
      blockSize,
      windowBlocks: size.optional(),
      globalBlocks: blockRanges,
    }),
    z.strictObject({ layout: z.literal("dilated"), layers, window: size.optional(), dilation: size.optional() }),
  ])
  .superRefine(({ layout, layers: named = [] }, context) => {
    const other = named.find((name) => name !== layout && name !== "dense");
    if (other === undefined) return;
    context.addIssue({
      code: "custom",
      path: ["layers"],
      message: `expected ${layout === "dense" ? "" : `${layout} or `}dense, got ${other}`,
    });
  });

/** The configuration of a layout. */
export type LayoutConfig = z.output<typeof layoutSchema>;

/** Whether a layer has the configured layout, rather than being dense. */
export const hasLayout = ({ layout, layers: named = [layout] }: LayoutConfig, layer: number): boolean =>
  layout !== "dense" && named[layer % named.length] === layout;

/** The window of a layer; undefined for the default. */
export const windowOfLayer = ({ window }: Extract<LayoutConfig, { layout: "local" }>, layer: number) =>
  typeof window === "object" ? window[layer % window.length] : window;

/** Options of `createLayout`. */
export interface CreateLayoutOptions {
  /** Whether it is for a decoder, in which no token sees a later one. */
  causal: boolean;
  /** The longest text. Global tokens and blocks beyond it are refused. Default: any length. */
  length?: number;
  /** The layer, where windows differ. Default: 0. */
  layer?: number;
}

/** The layout of a configuration. Throws a LayoutError for options that do not fit each other or the length. */
export function createLayout(
  config: LayoutConfig,
  { causal: isCausal, length, layer = 0 }: CreateLayoutOptions,
): Layout {
  if (length !== undefined) checkLength(config, length);
  const options = { ...withoutUndefined(config), causal: isCausal } as LayoutConfig & { causal: boolean };
  switch (options.layout) {
    case "dense":
      return isCausal ? causal() : dense();
    case "local":
      return local({ ...options, window: windowOfLayer(options, layer) });
    case "local-blocks":
      return localBlocks(options);
    case "fixed":
      return fixed(options);
    case "strided":
      return strided({ ...options, stride: options.stride ?? strideFor(length) });
    case "variable":
      return variable(options);
    case "bigbird":
      return bigbird(options);
    case "bslongformer":
      return bslongformer(options);
    case "dilated":
      return dilated(options);
  }
}

/** About the square root of the length. */
function strideFor(length: number | undefined): number {
  if (length !== undefined && Number.isFinite(length)) return Math.round(Math.sqrt(length));
  throw new LayoutError(
    "stride: has no default for texts of any length; expected about the square root of their length",
  );
}

const withoutUndefined = (options: object) =>
  Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));

function checkLength(config: LayoutConfig, length: number): void {
  if (config.layout === "local") {
    const beyond = config.globalTokens?.find((token) => token >= length);
    if (beyond === undefined) return;
    throw new LayoutError(`globalTokens: token ${beyond} is not in a text of ${length} tokens`);
  }
  if (config.layout !== "variable" && config.layout !== "bslongformer") return;
  const blocks = Math.ceil(length / (config.blockSize ?? BLOCK));
  const beyond = config.globalBlocks?.map((range) => (typeof range === "number" ? range : range[1] - 1));
  const last = Math.max(-1, ...(beyond ?? []));
  if (last < blocks) return;
  throw new LayoutError(`globalBlocks: block ${last} is not in a text of ${length} tokens, which has ${blocks} blocks`);
}
