/** What a load test measures, by vLLM's definitions. */

/** One request that ended well. Times in seconds since the test began. */
export interface RequestTimes {
  sent: number;
  /** When each piece of text came. */
  pieces: number[];
  ended: number;
  promptTokens: number;
  generatedTokens: number;
}

/** Mean and percentiles, in milliseconds. */
export interface Distribution {
  mean: number;
  median: number;
  p90: number;
  p99: number;
}

/** The most that a request may take to count for goodput, in milliseconds. */
export interface Objectives {
  ttft?: number;
  tpot?: number;
  e2el?: number;
}

/** The result of a load test. */
export interface LoadReport {
  completed: number;
  /** Requests that failed, by status or reason. */
  failed: Record<string, number>;
  /** Seconds. */
  duration: number;
  requestsPerSecond: number;
  promptTokens: number;
  generatedTokens: number;
  generatedTokensPerSecond: number;
  /** Time to first token. */
  ttft: Distribution;
  /** Time per output token after the first, a mean for each request. */
  tpot: Distribution;
  /** Inter-token latency: between consecutive pieces of a stream. */
  itl: Distribution;
  /** From sending a request to its end. */
  e2el: Distribution;
  /** Requests per second that met all objectives; null without any. */
  goodput: number | null;
}

function distribution(seconds: readonly number[]): Distribution {
  const sorted = [...seconds].sort((a, b) => a - b);
  if (sorted.length === 0) return { mean: 0, median: 0, p90: 0, p99: 0 };
  /** Linear interpolation, as numpy's percentile. */
  const at = (fraction: number) => {
    const place = fraction * (sorted.length - 1);
    const low = sorted[Math.floor(place)]!;
    return 1000 * (low + (sorted[Math.ceil(place)]! - low) * (place % 1));
  };
  const mean = (1000 * sorted.reduce((sum, value) => sum + value, 0)) / sorted.length;
  return { mean, median: at(0.5), p90: at(0.9), p99: at(0.99) };
}

const firstToken = ({ sent, pieces }: RequestTimes) => pieces[0]! - sent;
const latency = ({ sent, ended }: RequestTimes) => ended - sent;
const perToken = (request: RequestTimes) =>
  (latency(request) - firstToken(request)) / Math.max(1, request.generatedTokens - 1);

/** Sums up the requests of a test of this many seconds. */
export function summarize(
  requests: readonly RequestTimes[],
  { failed, duration, objectives = {} }: { failed: Record<string, number>; duration: number; objectives?: Objectives },
): LoadReport {
  const started = requests.filter(({ pieces }) => pieces.length > 0);
  const several = started.filter(({ generatedTokens }) => generatedTokens > 1);
  const sum = (of: (request: RequestTimes) => number) => requests.reduce((total, request) => total + of(request), 0);
  const generatedTokens = sum((request) => request.generatedTokens);
  const meets = (value: number, most: number | undefined) => most === undefined || 1000 * value <= most;
  const good = started.filter(
    (request) =>
      meets(firstToken(request), objectives.ttft) &&
      meets(perToken(request), objectives.tpot) &&
      meets(latency(request), objectives.e2el),
  );
  return {
    completed: requests.length,
    failed,
    duration,
    requestsPerSecond: requests.length / duration,
    promptTokens: sum((request) => request.promptTokens),
    generatedTokens,
    generatedTokensPerSecond: generatedTokens / duration,
    ttft: distribution(started.map(firstToken)),
    tpot: distribution(several.map(perToken)),
    itl: distribution(started.flatMap(({ pieces }) => pieces.slice(1).map((time, i) => time - pieces[i]!))),
    e2el: distribution(requests.map(latency)),
    goodput: Object.keys(objectives).length === 0 ? null : good.length / duration,
  };
}
