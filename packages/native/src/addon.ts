/**
 * Finds and loads the compiled addon: the one built in this package, else the one of the installed platform package.
 * Never throws: without an addon it returns the reason.
 */
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { INTERFACE_VERSION, type NativeAddon } from "./native-addon.ts";

/** The platform as our binaries and packages name it: linux-x64-gnu, darwin-arm64, win32-x64-msvc. */
function platformName(): string {
  const { platform, arch } = process;
  if (platform === "win32") return `win32-${arch}-msvc`;
  if (platform !== "linux") return `${platform}-${arch}`;
  const report = process.report?.getReport() as { header?: { glibcVersionRuntime?: string } } | undefined;
  return `linux-${arch}-${report?.header?.glibcVersionRuntime ? "gnu" : "musl"}`;
}

/** The addon and its file, or the reason there is none. */
type Found = { addon: NativeAddon; path: string } | { reason: string };

let found: Found | null = null;

/** Why this addon does not fit these sources. Addons of before there was a number have no such function. */
function versionProblem({ interfaceVersion }: Partial<NativeAddon>): string | undefined {
  const version = interfaceVersion?.();
  if (version === INTERFACE_VERSION) return undefined;
  return `was built from other sources (interface ${version ?? "unknown"}, expected ${INTERFACE_VERSION}): run pnpm build, or install the same version of both packages`;
}

/** The addon for the module at this URL: the one built in its parent directory, else the one of an installed package. */
export function findAddon(module: string): Found {
  const require = createRequire(module);
  const name = platformName();
  const built = fileURLToPath(new URL(`../megatron-native.${name}.node`, module));
  const candidate = existsSync(built) ? built : `@megatron-ts/native-${name}`;
  try {
    const [addon, path] = [require(candidate) as NativeAddon, require.resolve(candidate)];
    const reason = versionProblem(addon);
    return reason ? { reason: `${path} ${reason}` } : { addon, path };
  } catch (error) {
    const missing = (error as NodeJS.ErrnoException).code === "MODULE_NOT_FOUND";
    if (!missing) return { reason: `${candidate} failed to load: ${(error as Error).message.split("\n")[0]}` };
    return {
      reason: `no prebuilt binary for ${name} is installed, and none was built from source (needs Rust, https://rustup.rs)`,
    };
  }
}

/** The addon, or the reason there is none. Looks only once. */
export function loadAddon(): Found {
  found ??= findAddon(import.meta.url);
  return found;
}
