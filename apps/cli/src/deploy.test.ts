/** The deployment examples: their commands and probes are ones that there are. */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { parseAllDocuments } from "yaml";
import { megatron } from "./testing/megatron.ts";

const read = (name: string) =>
  readFileSync(fileURLToPath(new URL(`../../../examples/deploy/${name}`, import.meta.url)), "utf8");

/** The options that the help of `serve` does not have. */
async function unknownOptions(args: readonly string[]): Promise<string[]> {
  const { stdout } = await megatron("serve", "--help");
  const known = new Set(stdout.match(/--[\w-]+/g));
  return args.filter((argument) => argument.startsWith("--") && !known.has(argument));
}

describe("examples/deploy", () => {
  it("starts a server with options that there are", async () => {
    const command = /^CMD (\[.*\])$/m.exec(read("Containerfile"))![1]!;
    const args = JSON.parse(command) as string[];
    expect(args[0]).toBe("serve");
    expect(await unknownOptions(args)).toEqual([]);
  });

  it("deploys it with probes of its routes, and time to end what is in progress", async () => {
    const [deployment, service] = parseAllDocuments(read("kubernetes.yaml")).map((document) => {
      expect(document.errors).toEqual([]);
      return document.toJS();
    });
    const { terminationGracePeriodSeconds, containers } = deployment.spec.template.spec;
    const [{ args, ports, startupProbe, readinessProbe, livenessProbe, resources }] = containers;
    expect(await unknownOptions(args)).toEqual([]);
    expect(terminationGracePeriodSeconds).toBeGreaterThan(Number(args[args.indexOf("--drain-seconds") + 1]));
    expect(args[args.indexOf("--port") + 1]).toBe(String(ports[0].containerPort));
    expect([startupProbe, readinessProbe].map((probe) => probe.httpGet.path)).toEqual(["/health", "/health"]);
    // Not /health, which says 503 while the server closes: it would be killed before requests have ended.
    expect(livenessProbe.httpGet.path).toBe("/metrics");
    expect(args[args.indexOf("--threads") + 1]).toBe(resources.limits.cpu);
    expect(service.spec.ports[0].targetPort).toBe(ports[0].name);
  });
});
