/**
 * Prints the release notes of the current version in Markdown, collected from the changelogs of all packages.
 *
 *     node scripts/release-notes.mjs [version]
 */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { listPackages } from "./packages.mjs";

/** The entries of one version in a changelog, without their commits and without those that only raise our own dependencies. */
export function entriesOfVersion(changelog, version) {
  const section = changelog.split(/^## /m).find((part) => part.split("\n", 1)[0].trim() === version) ?? "";
  return section
    .split(/^(?=- )/m)
    .filter((part) => part.startsWith("- "))
    .map((entry) =>
      entry
        .split(/^#/m)[0]
        .trim()
        .replace(/^- [0-9a-f]{7,}: /, "- "),
    )
    .filter((entry) => !/^- (@megatron-ts\/[\w-]+@\S+|Updated dependencies)/.test(entry));
}

/**
 * Lists every entry once, with the packages it is about.
 * @param changelogs the text of each package's CHANGELOG.md by package name
 */
export function releaseNotes(changelogs, version) {
  const packagesOf = new Map();
  for (const [name, changelog] of Object.entries(changelogs)) {
    for (const entry of entriesOfVersion(changelog, version)) {
      packagesOf.set(entry, [...(packagesOf.get(entry) ?? []), name]);
    }
  }
  const count = Object.keys(changelogs).length;
  return [...packagesOf]
    .map(([entry, names]) => {
      const about = names.length === count ? "all packages" : names.join(", ");
      return `- **${about}**: ${entry.slice(2)}\n`;
    })
    .join("");
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const packages = listPackages();
  const version = process.argv[2] ?? packages[0].manifest.version;
  const changelogs = packages.map(({ name, directory }) => [name, join(directory, "CHANGELOG.md")]);
  const read = ([name, path]) => [name, existsSync(path) ? readFileSync(path, "utf8") : ""];
  process.stdout.write(releaseNotes(Object.fromEntries(changelogs.map(read)), version));
}
