/** Answers with errors in OpenAI's shape. */
import type { z } from "zod";
import { ApiError } from "../errors.ts";

const TYPES: Partial<Record<number, string>> = {
  401: "authentication_error",
  404: "not_found_error",
  429: "rate_limit_error",
  500: "server_error",
  503: "server_error",
};

/** The body of an answer to an error. */
export function errorBody({ message, fields: { status, param, code } }: ApiError): { error: Record<string, unknown> } {
  const type = TYPES[status] ?? "invalid_request_error";
  return { error: { message, type, param: param ?? null, code: code ?? null } };
}

/** The answer to any error. Those that are no ApiError are the server's, and say nothing about it. */
export function errorResponse(error: unknown): Response {
  const known = error instanceof ApiError ? error : new ApiError("internal server error", { status: 500 });
  const { status, retryAfter } = known.fields;
  return Response.json(errorBody(known), {
    status,
    headers: {
      ...(retryAfter !== undefined && { "Retry-After": String(retryAfter) }),
      ...(status === 401 && { "WWW-Authenticate": "Bearer" }),
      // What is left of a body that nobody reads must not be taken for the next request.
      ...((status === 413 || status === 408) && { Connection: "close" }),
    },
  });
}

/** Names the first thing that is wrong with a value. */
export function invalidRequest({ issues }: z.ZodError): ApiError {
  const issue = deepest(issues[0]!);
  const param = issue.path.join(".");
  if (issue.code === "unrecognized_keys") {
    const [key] = issue.keys;
    const at = param === "" ? key! : `${param}.${key}`;
    return new ApiError(`unrecognized parameter: ${at}`, { status: 400, param: at, code: "unknown_parameter" });
  }
  const message = param === "" ? issue.message : `${param}: ${issue.message}`;
  return new ApiError(message, { status: 400, param: param || undefined, code: "invalid_value" });
}

/**
 * Of the alternatives of a union, the one that fits best: with the fewest problems, then the one whose first problem lies deepest,
 * then one of the right type.
 */
function deepest(issue: z.core.$ZodIssue): z.core.$ZodIssue {
  if (issue.code !== "invalid_union") return issue;
  const alternatives = issue.errors.filter((errors) => errors.length > 0);
  const fewest = Math.min(...alternatives.map((errors) => errors.length));
  const inner = alternatives.filter((errors) => errors.length === fewest).map(([first]) => deepest(first!));
  const wrongType = ({ code }: z.core.$ZodIssue) => Number(code === "invalid_type" || code === "invalid_union");
  const [best] = inner.sort((a, b) => b.path.length - a.path.length || wrongType(a) - wrongType(b));
  if (!best || (best.path.length === 0 && wrongType(best) === 1)) return issue;
  return { ...best, path: [...issue.path, ...best.path] };
}
