/** The files that are damaged: small ones of fixtures/, and places for the damaged ones. */
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Bytes of a file in fixtures/. */
export const fixture = (name) => readFileSync(fixturePath(name));

/** Path of a file in fixtures/. */
export const fixturePath = (name) => join(globalThis.FUZZ_ROOT, "fixtures", name);

/** Bytes of the files below a directory in fixtures/ whose names match and that are small enough. */
export function fixtures(directory, pattern, { largest = 100_000 } = {}) {
  const names = readdirSync(fixturePath(directory), { recursive: true }).sort();
  const paths = names.filter((name) => pattern.test(name)).map((name) => join(fixturePath(directory), name));
  return paths.filter((path) => statSync(path).size <= largest).map((path) => readFileSync(path));
}

const directories = [];
process.on("exit", () => {
  for (const path of directories) rmSync(path, { recursive: true, force: true });
});

/** A new directory, removed at the end of the process. */
export function directory() {
  const path = mkdtempSync(join(tmpdir(), "megatron-fuzz-"));
  directories.push(path);
  return path;
}

/** A reader of files as a reader of bytes: they are written to a file with that name. */
export function throughFile(name, read) {
  let path;
  return (bytes) => {
    path ??= join(directory(), name);
    writeFileSync(path, bytes);
    return read(path);
  };
}

/** The same for one file of a directory of fixtures/, which is copied. */
export function inDirectory(from, name, read) {
  let path;
  return (bytes) => {
    if (path === undefined) {
      path = directory();
      cpSync(fixturePath(from), path, { recursive: true });
    }
    writeFileSync(join(path, name), bytes);
    return read(path);
  };
}
