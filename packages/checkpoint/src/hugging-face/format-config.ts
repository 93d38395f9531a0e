/** Formats config.json. transformers checks types strictly and refuses an integer where it expects a float. */

/** Fields that transformers declares as floats. */
const FLOAT =
  /"(initializer_factor|initializer_range|rope_theta|\w*dropout\w*|\w*pdrop|layer_norm_eps\w*|rms_norm_eps)": (-?\d+)(?=,?$)/gm;

/** A config.json as text, with the floats written as floats (`1.0`). */
export function formatConfig(config: Readonly<Record<string, unknown>>): string {
  return `${JSON.stringify(config, null, 2).replaceAll(FLOAT, '"$1": $2.0')}\n`;
}
