/** A registry on loopback for the packages of this repository. Everything else is installed from the registry that npm is configured for. */
import { fork } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { SCOPE } from "../packages.mjs";

/** Serves our packages to anyone, has no uplink, and keeps everything below its own directory. */
const configuration = {
  storage: "storage",
  auth: { htpasswd: { file: "htpasswd" } },
  packages: { [`${SCOPE}*`]: { access: "$all", publish: "$all" } },
  web: { enable: false },
  log: { type: "file", path: "verdaccio.log", level: "warn" },
  max_body_size: "100mb",
};

/**
 * Starts verdaccio in a process of its own.
 * @param directory an existing one, for its configuration and storage
 * @returns its URL, the lines of an .npmrc that uses it, where a package's tarball lies, and `close`
 */
export async function startRegistry(directory) {
  const config = join(directory, "verdaccio.json");
  // JSON is YAML, which verdaccio reads.
  writeFileSync(config, JSON.stringify(configuration));
  const server = fork(fileURLToPath(new URL("registry-server.mjs", import.meta.url)), [config], { cwd: directory });
  const port = await new Promise((resolve, reject) => {
    server.once("message", resolve);
    server.once("exit", (code) => reject(new Error(`verdaccio ended with exit code ${code}`)));
  });
  const url = `http://127.0.0.1:${port}/`;
  return {
    url,
    // npm publishes only with a token; this registry takes any.
    npmrc: `${SCOPE.slice(0, -1)}:registry=${url}\n//127.0.0.1:${port}/:_authToken=none\n`,
    tarball: ({ name, version }) => join(directory, "storage", name, `${name.split("/")[1]}-${version}.tgz`),
    close: () =>
      new Promise((resolve) => {
        server.removeAllListeners("exit").once("exit", resolve);
        server.kill();
      }),
  };
}
