/**
 * Converts the issues that zod finds in a configuration to problems that a user can act on: path, expected and given
 * value, and the nearest valid name.
 */
import type * as z from "zod";
import type { ConfigProblem } from "../errors.ts";
import { nearestName } from "./nearest-name.ts";
import { allPaths, choices, describe, fieldNames, type Outline, outlineAt, variantName } from "./schema-outline.ts";

type Issue = z.core.$ZodIssue;

interface Refused {
  /** The whole configuration as given. */
  value: unknown;
  /** The schema that it does not match. */
  outline: Outline;
}

/** One problem per mistake, in zod's order. */
export const problemsOf = (issues: readonly Issue[], refused: Refused): ConfigProblem[] =>
  issues.flatMap((issue) => problemsOfIssue(issue, refused));

function problemsOfIssue(issue: Issue, refused: Refused): ConfigProblem[] {
  const path = issue.path.join(".");
  const given = valueAt(refused.value, issue.path);
  if (issue.code === "unrecognized_keys") {
    return issue.keys.map((key) => ({
      path: [...issue.path, key].join("."),
      message: unknownField(key, issue.path, refused),
    }));
  }
  if (issue.code === "custom") return [{ path, message: issue.message }];
  if (issue.code === "invalid_union") {
    const closest = closestBranch(issue);
    if (closest !== undefined) {
      return problemsOf(
        closest.map((inner) => ({ ...inner, path: [...issue.path, ...inner.path] })),
        refused,
      );
    }
  }
  const expected = outlineAt(refused.outline, issue.path, refused.value);
  const expectation = expected === undefined ? issue.message : `expected ${describe(expected)}`;
  if (given === undefined) return [{ path, message: `missing; ${expectation}` }];
  const meant = typeof given === "string" && expected ? nearestName(given, choices(expected).map(String)) : undefined;
  return [{ path, message: `${expectation}; got ${shown(given)}${meant ? `; did you mean ${meant}?` : ""}` }];
}

function unknownField(key: string, parent: readonly PropertyKey[], { value, outline }: Refused): string {
  const group = outlineAt(outline, parent, value);
  const given = valueAt(value, parent);
  const names = group === undefined ? [] : fieldNames(group, given);
  const meant = nearestName(key, names) ?? nearestElsewhere(key, { outline, except: [...parent, key].join(".") });
  const variant = group === undefined ? undefined : variantName(group, given);
  return [
    `unknown field${variant ? ` where ${variant}` : ""}`,
    `expected one of ${names.join(", ")}`,
    ...(meant ? [`did you mean ${meant}?`] : []),
  ].join("; ");
}

/** The full path of a field of that name in another group. */
function nearestElsewhere(key: string, { outline, except }: { outline: Outline; except: string }): string | undefined {
  const leaf = (path: string) => path.slice(path.lastIndexOf(".") + 1);
  const others = allPaths(outline).filter((path) => path !== except);
  const meant = nearestName(key, others.map(leaf));
  return meant && others.find((path) => leaf(path) === meant);
}

/** The failure of the union's option that matched furthest; undefined if the value fits no option's type. */
function closestBranch(issue: Issue & { code: "invalid_union" }): Issue[] | undefined {
  return issue.errors
    .filter((branch) => branch.every(({ code, path }) => code !== "invalid_type" || path.length > 0))
    .sort((a, b) => a.length - b.length)[0];
}

const valueAt = (value: unknown, path: readonly PropertyKey[]): unknown =>
  path.reduce<unknown>((inner, key) => (inner as Record<PropertyKey, unknown> | null | undefined)?.[key], value);

function shown(value: unknown): string {
  if (Array.isArray(value)) return "a list";
  if (typeof value === "object" && value !== null) return "a group of fields";
  const text = typeof value === "string" ? JSON.stringify(value) : String(value);
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}
