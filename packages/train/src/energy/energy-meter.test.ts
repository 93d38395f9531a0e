/** The meter on a trace of RAPL's counters, and its estimate, which `bench/energy` compares with CodeCarbon. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { energyConfigSchema } from "./configuration.ts";
import { createEnergyMeter } from "./energy-meter.ts";

const directory = mkdtempSync(join(tmpdir(), "megatron-energy-"));
afterAll(() => rmSync(directory, { recursive: true }));

interface Trace {
  joules: number;
  zones: Record<string, { name: string; max_energy_range_uj: number; energy_uj: number[] }>;
}
const trace: Trace = JSON.parse(
  readFileSync(new URL("../../../../fixtures/energy/rapl.json", import.meta.url), "utf8"),
);
const readings = Object.values(trace.zones)[0]!.energy_uj.length;

/** Makes the counters show a reading of the trace. */
function show(index: number): void {
  for (const [zone, { name, max_energy_range_uj, energy_uj }] of Object.entries(trace.zones)) {
    mkdirSync(join(directory, zone), { recursive: true });
    const files = { name, max_energy_range_uj, energy_uj: energy_uj[index]! };
    for (const [file, value] of Object.entries(files)) writeFileSync(join(directory, zone, file), `${value}\n`);
  }
}

const config = (fields = {}) => energyConfigSchema.parse(fields);

describe("createEnergyMeter", () => {
  it("adds up packages and memory, over counters that wrap around", () => {
    show(0);
    const meter = createEnergyMeter(config(), { powercap: directory });
    expect(meter.method).toBe("RAPL");
    expect(meter.joules()).toBe(0);
    for (let index = 1; index < readings; index++) {
      show(index);
      meter.joules();
    }
    expect(meter.joules()).toBeCloseTo(trace.joules, 6);
  });

  it("continues what a resumed run used before", () => {
    show(0);
    const meter = createEnergyMeter(config(), { powercap: directory, joules: 1000 });
    show(1);
    expect(meter.joules()).toBeCloseTo(1000 + 65 + 3 + 59, 6);
  });

  it("estimates by power and load without counters, or where they cannot be read", () => {
    let seconds = 5;
    const time = { processors: 4, seconds: () => seconds };
    const none = join(directory, "none");
    const meter = createEnergyMeter(config({ watts: 65 }), { powercap: none, time });
    // An hour in which two of four processors computed.
    seconds += 2 * 3600;
    expect(meter.use().kilowattHours).toBeCloseTo((65 * 0.5) / 1000, 12);
    expect(meter.method).toContain("65 W");
    mkdirSync(join(none, "intel-rapl:0"), { recursive: true });
    writeFileSync(join(none, "intel-rapl:0", "name"), "package-0\n");
    expect(createEnergyMeter(config(), { powercap: none, time }).method).toContain("16 W");
  });

  it("counts the building and the grid", () => {
    const time = { processors: 1, seconds: () => 0 };
    const fields = { powerUsageEffectiveness: 1.1, kilogramsPerKilowattHour: 0.429 };
    const meter = createEnergyMeter(config(fields), { powercap: "none", time, joules: 3.6e6 });
    expect(meter.use().kilowattHours).toBeCloseTo(1.1, 12);
    expect(meter.use().emissionsKilograms).toBeCloseTo(1.1 * 0.429, 12);
  });
});
