/** Decides whether a request has an API key that is known. */
import { createHash, timingSafeEqual } from "node:crypto";
import { ApiError } from "../errors.ts";

const hash = (key: string) => createHash("sha256").update(key, "utf8").digest();

/** Returns a check of a request's Authorization header, which throws an ApiError. Only hashes of the keys are kept. */
export function createAccess(keys: readonly string[]): (authorization: string | undefined) => void {
  const known = keys.map(hash);
  return (authorization) => {
    if (known.length === 0) return;
    const [, key] = /^Bearer +(.+)$/i.exec(authorization ?? "") ?? [];
    if (key === undefined) {
      throw new ApiError("an API key is needed: send it as `Authorization: Bearer <key>`", {
        status: 401,
        code: "missing_api_key",
      });
    }
    const given = hash(key);
    // Every key is compared, so that the time says nothing about them.
    const matches = known.filter((one) => timingSafeEqual(one, given));
    if (matches.length === 0) throw new ApiError("this API key is not known", { status: 401, code: "invalid_api_key" });
  };
}
