/**
 * manifest.json as text: its first member is the SHA-256 of everything after it, so that any changed bit shows. Every
 * format version keeps that member and `formatVersion`.
 */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { userError, wrapFileSystemError } from "./errors.ts";
import { formatVersion, type Manifest, manifestSchema } from "./manifest-schema.ts";
import { coverExactly } from "./slices.ts";

export const manifestFile = "manifest.json";

const sha256 = (text: string | Uint8Array): string => createHash("sha256").update(text).digest("hex");

const seal = (checksum: string): string => `{\n  "checksum": "${checksum}",\n`;
const sealLength = seal(sha256("")).length;

/** What the schema cannot say: names are unique, slices lie in listed files, and make up their tensor. */
function findWrongReference(manifest: Manifest): string | undefined {
  const files = new Set(manifest.files.map(({ name }) => name));
  for (const [group, { tensors }] of Object.entries(manifest.groups)) {
    const names = new Set<string>();
    for (const { name, shape, slices } of tensors) {
      const tensor = `tensor ${JSON.stringify(name)} of ${group}`;
      if (names.has(name)) return `${tensor} is there twice`;
      names.add(name);
      const unlisted = slices.find(({ file }) => !files.has(file));
      if (unlisted) return `${tensor} lies in ${unlisted.file}, which is not listed`;
      if (!coverExactly(shape, slices)) return `the slices of ${tensor} do not make up its shape [${shape.join(", ")}]`;
    }
  }
  return undefined;
}

/** The manifest, or in one line what is wrong with it. */
function parse(value: unknown): { manifest: Manifest } | { fault: string } {
  const { data, error } = manifestSchema.safeParse(value);
  if (error) {
    const { path, message } = error.issues[0]!;
    return { fault: `${path.join(".") || "the whole"}: ${message}` };
  }
  const fault = findWrongReference(data);
  return fault === undefined ? { manifest: data } : { fault };
}

/** The bytes of manifest.json. Refuses what JSON cannot carry (NaN, infinities). */
export function encodeManifest(manifest: Manifest): Uint8Array {
  const parsed = parse(manifest);
  if ("fault" in parsed) throw new Error(`cannot write ${manifestFile}: ${parsed.fault}`);
  const body = `${JSON.stringify(parsed.manifest, null, 2).slice("{\n".length)}\n`;
  return Buffer.from(seal(sha256(body)) + body);
}

const versionOf = (json: unknown): unknown =>
  typeof json === "object" && json !== null && "formatVersion" in json ? json.formatVersion : undefined;

/** Reads the bytes of a manifest; `path` is for messages. Throws a CheckpointError of one line. */
export function decodeManifest(bytes: Uint8Array, path: string): Manifest {
  const body = bytes.subarray(sealLength);
  const intact = Buffer.from(bytes.subarray(0, sealLength)).equals(Buffer.from(seal(sha256(body))));
  const damaged = `${path} is damaged: it is not what was saved; restore it, or take an earlier checkpoint`;
  let json: unknown;
  try {
    json = JSON.parse(Buffer.from(bytes).toString());
  } catch {
    throw userError(damaged);
  }
  const version = versionOf(json);
  if (version !== undefined && version !== formatVersion) {
    const doubt = intact ? "" : ", and its checksum is wrong: it may be damaged";
    throw userError(
      `${path} has format version ${JSON.stringify(version)}, this program reads version ${formatVersion}${doubt}`,
    );
  }
  if (!intact) throw userError(damaged);
  const { checksum: _, ...manifest } = json as Record<string, unknown>;
  const parsed = parse(manifest);
  if ("fault" in parsed) throw userError(`${path}: ${parsed.fault}`);
  return parsed.manifest;
}

/** Reads and checks the manifest of a checkpoint directory. */
export function readManifest(directory: string): Manifest {
  const path = join(directory, manifestFile);
  let bytes: Uint8Array;
  try {
    bytes = readFileSync(path);
  } catch (error) {
    throw wrapFileSystemError(error, {
      action: `${directory} is not a checkpoint: cannot read its ${manifestFile}`,
    });
  }
  return decodeManifest(bytes, path);
}
