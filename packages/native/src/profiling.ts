/** Whether kernel calls are being profiled. Apart from `profile.ts`, which knows kernels. */

let profiling = false;

export const isProfiling = (): boolean => profiling;

export function setProfiling(on: boolean): void {
  profiling = on;
}
