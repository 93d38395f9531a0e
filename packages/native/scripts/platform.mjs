/** Names of platforms in our binaries and packages: linux-x64-gnu, darwin-arm64, win32-x64-msvc. */

/** The Rust targets that packages are built for. */
export const TARGETS = {
  "x86_64-unknown-linux-gnu": "linux-x64-gnu",
  "x86_64-unknown-linux-musl": "linux-x64-musl",
  "aarch64-unknown-linux-gnu": "linux-arm64-gnu",
  "aarch64-unknown-linux-musl": "linux-arm64-musl",
  "x86_64-apple-darwin": "darwin-x64",
  "aarch64-apple-darwin": "darwin-arm64",
  "x86_64-pc-windows-msvc": "win32-x64-msvc",
};

/** The platform of a Rust target. Default: of this process. */
export function platformName(target = null) {
  if (target) {
    if (!TARGETS[target]) throw new Error(`unsupported target ${target}: expected ${Object.keys(TARGETS).join(", ")}`);
    return TARGETS[target];
  }
  const { platform, arch } = process;
  if (platform === "win32") return `win32-${arch}-msvc`;
  if (platform !== "linux") return `${platform}-${arch}`;
  const gnu = Boolean(process.report.getReport().header.glibcVersionRuntime);
  return `linux-${arch}-${gnu ? "gnu" : "musl"}`;
}

/** The file name of a platform's binary. */
export const binaryName = (platform) => `megatron-native.${platform}.node`;

/** The package.json fields that make npm install a package only on this platform. */
export function installedOn(platform) {
  const [os, cpu, library] = platform.split("-");
  const libc = { gnu: "glibc", musl: "musl" }[library];
  return { os: [os], cpu: [cpu], ...(libc && { libc: [libc] }) };
}
