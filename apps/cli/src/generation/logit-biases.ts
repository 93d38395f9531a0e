import { UsageError } from "../errors.ts";

/** What is added to the logits of tokens, by id, of values such as 42=-100. Throws a UsageError for others. */
export function logitBiases(values: readonly string[]): Map<number, number> {
  return new Map(
    values.map((value) => {
      const [, id, bias] = /^(\d{1,9})=(-?\d.*)$/.exec(value) ?? [];
      if (id === undefined || !Number.isFinite(Number(bias))) {
        throw new UsageError(
          `--logit-bias: expected a token's id and a number, such as 42=-100; got ${JSON.stringify(value)}`,
        );
      }
      return [Number(id), Number(bias)];
    }),
  );
}
