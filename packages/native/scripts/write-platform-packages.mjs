/**
 * Writes one package per platform with its compiled addon, and lists them as optional dependencies in the package.json
 * of the package that loads them. They exist only in a release, not in the repository.
 *
 *     node scripts/write-platform-packages.mjs --binaries . --output npm [--platform linux-x64-gnu ...] [--manifest package.json]
 */
import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { binaryName, installedOn, TARGETS } from "./platform.mjs";

const { values } = parseArgs({
  options: {
    /** Directory of the compiled addons. */
    binaries: { type: "string", default: "." },
    /** Directory to write the packages to, one directory each. */
    output: { type: "string", default: "npm" },
    /** Platforms to write. Default: all. */
    platform: { type: "string", multiple: true, default: Object.values(TARGETS) },
    /** The package.json that gets the optional dependencies. */
    manifest: { type: "string" },
  },
});

const readJson = (path) => JSON.parse(readFileSync(path, "utf8"));
const writeJson = (path, value) => writeFileSync(path, `${JSON.stringify(value, null, 2)}\n`);

const { name, version, license, engines } = readJson(fileURLToPath(new URL("../package.json", import.meta.url)));
const packageName = (platform) => `${name}-${platform}`;

const missing = values.platform.map(binaryName).filter((file) => !existsSync(join(values.binaries, file)));
if (missing.length > 0) {
  console.error(`missing from ${values.binaries}: ${missing.join(", ")}`);
  process.exit(1);
}
for (const platform of values.platform) {
  const directory = join(values.output, platform);
  const file = binaryName(platform);
  mkdirSync(directory, { recursive: true });
  copyFileSync(join(values.binaries, file), join(directory, file));
  writeJson(join(directory, "package.json"), {
    name: packageName(platform),
    version,
    description: `The native binary of ${name} for ${platform}.`,
    license,
    engines,
    ...installedOn(platform),
    main: file,
    files: [file],
    publishConfig: { access: "public" },
  });
  writeFileSync(
    join(directory, "README.md"),
    `# ${packageName(platform)}\n\nThe native binary of [${name}](https://www.npmjs.com/package/${name}) for ${platform}, which installs it as an optional dependency.\n`,
  );
}
if (values.manifest) {
  const optionalDependencies = Object.fromEntries(values.platform.map((platform) => [packageName(platform), version]));
  writeJson(values.manifest, { ...readJson(values.manifest), optionalDependencies });
}
