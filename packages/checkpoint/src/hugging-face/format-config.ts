/** Formats config.json. transformers checks types strictly and refuses an integer where it expects a float. */

/** Fields that transformers declares as floats. */
const FLOAT =
  /"(init_std|initializer_(?:factor|range)|(?:layer|rms)_norm_eps\w*|\w*(?:dropout|pdrop|layerdrop|softcapping|theta|factor)\w*)": (-?\d+)(?=,?$)/gm;

/** A config.json as text, with the floats written as floats (`1.0`). */
export function formatConfig(config: Readonly<Record<string, unknown>>): string {
  return `${JSON.stringify(config, null, 2).replaceAll(FLOAT, '"$1": $2.0')}\n`;
}
