import { EventEmitter } from "node:events";
import { expect, it, vi } from "vitest";
import { listenForStop } from "./stop.ts";

function createHost() {
  const signals = new EventEmitter();
  const exits: number[] = [];
  let time = 1000;
  return {
    exits,
    arrive: (signal: "SIGINT" | "SIGTERM" | "SIGHUP", at: number) => {
      time = at;
      signals.emit(signal);
    },
    listeners: () => signals.listenerCount("SIGINT") + signals.listenerCount("SIGTERM"),
    on: (signal: string, listener: () => void) => signals.on(signal, listener),
    off: (signal: string, listener: () => void) => signals.off(signal, listener),
    exit: (code: number) => void exits.push(code),
    now: () => time,
  };
}

it("the first signal raises the flag and tells once, the second ends the process", () => {
  const host = createHost();
  const onRequest = vi.fn();
  const stop = listenForStop({ host, onRequest });
  expect(stop.requested).toBeNull();
  host.arrive("SIGTERM", 2000);
  expect(stop.requested).toBe("SIGTERM");
  expect(host.exits).toEqual([]);
  host.arrive("SIGINT", 9000);
  expect(host.exits).toEqual([130]);
  expect(stop.requested).toBe("SIGTERM");
  expect(onRequest.mock.calls).toEqual([["SIGTERM"]]);
});

it("the same Ctrl+C arriving twice is one wish", () => {
  const host = createHost();
  listenForStop({ host });
  host.arrive("SIGINT", 2000);
  host.arrive("SIGINT", 2499);
  expect(host.exits).toEqual([]);
  host.arrive("SIGTERM", 2500);
  expect(host.exits).toEqual([143]);
});

it("a terminal that is closed (SIGHUP) stops the run too", () => {
  const host = createHost();
  const stop = listenForStop({ host });
  host.arrive("SIGHUP", 2000);
  expect(stop.requested).toBe("SIGHUP");
  host.arrive("SIGHUP", 9000);
  expect(host.exits).toEqual([129]);
});

it("a disposed flag listens no more", () => {
  const host = createHost();
  const stop = listenForStop({ host });
  stop.dispose();
  host.arrive("SIGINT", 2000);
  expect(stop.requested).toBeNull();
  expect(host.listeners()).toBe(0);
});

it.skipIf(process.platform === "win32")("a real signal does not end this process", async () => {
  const stop = listenForStop();
  process.kill(process.pid, "SIGINT");
  await vi.waitFor(() => expect(stop.requested).toBe("SIGINT"));
  stop.dispose();
});
