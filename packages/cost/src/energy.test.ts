import { describe, expect, it } from "vitest";
import { emissionsKilograms, energyKilowattHours } from "./energy.ts";

describe("energy and emissions", () => {
  it("reproduces GPT-3's published energy and emissions (Patterson et al. 2021, table 4)", () => {
    const kilowattHours = energyKilowattHours({
      hours: 14.8 * 24,
      devices: 10_000,
      watts: 330,
      powerUsageEffectiveness: 1.1,
    });
    const kilograms = emissionsKilograms({ kilowattHours, kilogramsPerKilowattHour: 0.429 });
    expect(Math.round(kilowattHours / 1000)).toBe(1289);
    expect(Math.round(kilograms / 1000)).toBe(553);
    // Published as 1,287 MWh and 552 t, from unrounded days.
    expect(Math.abs(kilowattHours / 1_287_000 - 1)).toBeLessThan(0.002);
    expect(Math.abs(kilograms / 552_000 - 1)).toBeLessThan(0.003);
  });

  it("counts one machine alone by default", () => {
    expect(energyKilowattHours({ hours: 2, watts: 65 })).toBe(0.13);
  });
});
