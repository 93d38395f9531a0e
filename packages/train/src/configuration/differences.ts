/** Compares two resolved configurations, for a run that resumes with other settings. */

export interface ConfigurationDifference {
  /** Dotted path of the field. */
  path: string;
  /** Undefined for an added field. */
  old: unknown;
  /** Undefined for a removed field. */
  new: unknown;
}

/** Every field that differs: first in the order of `old`, then those only in `next`. A list counts as one field. */
export function configurationDifferences(old: object, next: object): ConfigurationDifference[] {
  return differences(old, next, "");
}

/** For example `train.steps: 100 -> 200`. */
export const formatDifference = ({ path, old, new: next }: ConfigurationDifference): string =>
  `${path}: ${shown(old)} -> ${shown(next)}`;

const shown = (value: unknown) => (value === undefined ? "(absent)" : JSON.stringify(value));

function differences(old: unknown, next: unknown, path: string): ConfigurationDifference[] {
  if (isGroup(old) && isGroup(next)) {
    const names = [...new Set([...Object.keys(old), ...Object.keys(next)])];
    return names.flatMap((name) => differences(old[name], next[name], path === "" ? name : `${path}.${name}`));
  }
  return JSON.stringify(old) === JSON.stringify(next) ? [] : [{ path, old, new: next }];
}

const isGroup = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);
