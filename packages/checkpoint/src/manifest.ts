/**
 * Encodes and decodes manifest.json. Its first member is the SHA-256 of everything after it, so that any changed bit is
 * noticed. Every format version keeps that member and `formatVersion`.
 */
import { createHash } from "node:crypto";
import { join } from "node:path";
import { shown, userError, wrapFileSystemError } from "./errors.ts";
import { formatVersion, type Manifest, type ManifestInput, manifestSchema } from "./manifest-schema.ts";
import { readRegularFile } from "./regular-file.ts";
import { coverExactly } from "./slices.ts";

const LARGEST_MANIFEST = 2 ** 28;

/** Name of the manifest in a checkpoint directory. */
export const manifestFile = "manifest.json";

const sha256 = (text: string | Uint8Array): string => createHash("sha256").update(text).digest("hex");

const seal = (checksum: string): string => `{\n  "checksum": "${checksum}",\n`;
const sealLength = seal(sha256("")).length;

/** Checks what the schema cannot: names are unique, slices are in listed files, and cover their tensor. */
function findWrongReference(manifest: Manifest): string | undefined {
  const files = new Set(manifest.files.map(({ name }) => name));
  for (const [group, { tensors }] of Object.entries(manifest.groups)) {
    const names = new Set<string>();
    for (const { name, shape, slices } of tensors) {
      const tensor = `tensor ${shown(name)} of ${group}`;
      if (names.has(name)) return `${tensor} appears twice`;
      names.add(name);
      const unlisted = slices.find(({ file }) => !files.has(file));
      if (unlisted) return `${tensor} is in ${unlisted.file}, which is not listed`;
      if (coverExactly(shape, slices)) continue;
      const sizes = [...shape.slice(0, 8), ...(shape.length > 8 ? ["..."] : [])].join(", ");
      return `the slices of ${tensor} do not cover its shape [${sizes}]`;
    }
  }
  return undefined;
}

/** Validates a manifest. `fault` is one line that says what is wrong. */
function parse(value: unknown): { manifest: Manifest } | { fault: string } {
  const { data, error } = manifestSchema.safeParse(value);
  if (error) {
    const { path, message } = error.issues[0]!;
    return { fault: `${path.join(".") || "manifest"}: ${message}` };
  }
  const fault = findWrongReference(data);
  return fault === undefined ? { manifest: data } : { fault };
}

/**
 * Encodes manifest.json.
 * @throws Error for what JSON cannot represent (NaN, infinities) and for tensors that their slices do not cover
 */
export function encodeManifest(manifest: ManifestInput): Uint8Array {
  const parsed = parse(manifest);
  if ("fault" in parsed) throw new Error(`cannot write ${manifestFile}: ${parsed.fault}`);
  const body = `${JSON.stringify(parsed.manifest, null, 2).slice("{\n".length)}\n`;
  return Buffer.from(seal(sha256(body)) + body);
}

const versionOf = (json: unknown): unknown =>
  typeof json === "object" && json !== null && "formatVersion" in json ? json.formatVersion : undefined;

/**
 * Decodes and checks the bytes of a manifest. `path` is for messages.
 * @throws CheckpointError for damage, another format version or wrong references
 */
export function decodeManifest(bytes: Uint8Array, path: string): Manifest {
  const body = bytes.subarray(sealLength);
  const intact = Buffer.from(bytes.subarray(0, sealLength)).equals(Buffer.from(seal(sha256(body))));
  const damaged = `${path} is damaged: it is not what was saved; restore it, or use an earlier checkpoint`;
  let json: unknown;
  try {
    json = JSON.parse(Buffer.from(bytes).toString());
  } catch {
    throw userError(damaged);
  }
  const version = versionOf(json);
  if (version !== undefined && version !== formatVersion) {
    const doubt = intact ? "" : "; its checksum is wrong too, so it may be damaged";
    throw userError(
      `${path} has format version ${shown(version)}, but this program reads version ${formatVersion}${doubt}`,
    );
  }
  if (!intact) throw userError(damaged);
  const { checksum: _, ...manifest } = json as Record<string, unknown>;
  const parsed = parse(manifest);
  if ("fault" in parsed) throw userError(`${path}: ${parsed.fault}`);
  return parsed.manifest;
}

/**
 * Reads and checks the manifest of a checkpoint directory.
 * @throws CheckpointError if it is missing, damaged or of another format version
 */
export function readManifest(directory: string): Manifest {
  const path = join(directory, manifestFile);
  let bytes: Uint8Array;
  try {
    bytes = readRegularFile(path, { maxBytes: LARGEST_MANIFEST });
  } catch (error) {
    throw wrapFileSystemError(error, {
      action: `${directory} is not a checkpoint: cannot read its ${manifestFile}`,
    });
  }
  return decodeManifest(bytes, path);
}
