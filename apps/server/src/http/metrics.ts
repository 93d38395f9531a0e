/** Metrics for Prometheus, under vLLM's names, so that dashboards made for it work. */
import { Counter, Gauge, Histogram, Registry } from "prom-client";
import type { EngineStep } from "../engine/engine-client.ts";

/** The metrics of a server. */
export interface Metrics {
  /** In Prometheus' text format. */
  text(): Promise<string>;
  readonly contentType: string;
  onStep(model: string, step: EngineStep): void;
  /** Starts measuring a request to a model. */
  startRequest(model: string): RequestMetrics;
}

/** Measures one request. */
interface RequestMetrics {
  prompt(tokens: number): void;
  /** A choice has this many tokens now. */
  tokens(choice: number, generated: number): void;
  end(finishReason: string): void;
}

const LATENCIES = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120];

/** Creates the metrics of a server's models. */
export function createMetrics(now: () => number = () => performance.now() / 1000): Metrics {
  const registry = new Registry();
  const registers = [registry];
  const labelNames = ["model_name"];
  const gauge = (name: string, help: string) => new Gauge({ name, help, registers, labelNames });
  const counter = (name: string, help: string, more: string[] = []) =>
    new Counter({ name, help, registers, labelNames: [...labelNames, ...more] });
  const histogram = (name: string, help: string) =>
    new Histogram({ name, help, registers, labelNames, buckets: LATENCIES });

  const running = gauge("vllm:num_requests_running", "Sequences that are being decoded.");
  const waiting = gauge("vllm:num_requests_waiting", "Sequences that wait for a place.");
  const cacheUsage = gauge("vllm:kv_cache_usage_perc", "How much of the key/value cache is in use; 1 is all.");
  const promptTokens = counter("vllm:prompt_tokens_total", "Tokens of prompts.");
  const generationTokens = counter("vllm:generation_tokens_total", "Tokens generated.");
  const cacheQueries = counter(
    "vllm:prefix_cache_queries_total",
    "Tokens of prompts that were looked up in the cache.",
  );
  const cacheHits = counter("vllm:prefix_cache_hits_total", "Tokens of prompts that needed no computation.");
  const drafts = counter("vllm:spec_decode_num_drafts_total", "How often a draft proposed tokens.");
  const draftTokens = counter("vllm:spec_decode_num_draft_tokens_total", "Tokens that a draft proposed.");
  const acceptedTokens = counter("vllm:spec_decode_num_accepted_tokens_total", "Proposed tokens that were accepted.");
  const acceptedAt = counter(
    "vllm:spec_decode_num_accepted_tokens_per_pos_total",
    "Proposed tokens that were accepted, by their place among those of one time.",
    ["position"],
  );
  const success = counter("vllm:request_success_total", "Choices that ended.", ["finished_reason"]);
  const firstToken = histogram("vllm:time_to_first_token_seconds", "From the request to its first token.");
  const nextToken = histogram("vllm:inter_token_latency_seconds", "From one token of a choice to the next.");
  const latency = histogram("vllm:e2e_request_latency_seconds", "From the request to its end.");

  return {
    text: () => registry.metrics(),
    contentType: registry.contentType,
    onStep(model, { load, reusedTokens, drafts: drafted }) {
      const labels = { model_name: model };
      running.set(labels, load.running);
      waiting.set(labels, load.waiting);
      cacheUsage.set(labels, load.cacheUsage);
      cacheHits.inc(labels, reusedTokens);
      if (!drafted) return;
      drafts.inc(labels, drafted.drafts);
      draftTokens.inc(labels, drafted.proposed);
      for (const [position, count] of drafted.acceptedAt.entries()) {
        acceptedTokens.inc(labels, count);
        acceptedAt.inc({ ...labels, position }, count);
      }
    },
    startRequest(model) {
      const labels = { model_name: model };
      const start = now();
      const last = new Map<number, { time: number; generated: number }>();
      return {
        prompt(tokens) {
          promptTokens.inc(labels, tokens);
          cacheQueries.inc(labels, tokens);
        },
        tokens(choice, generated) {
          const before = last.get(choice);
          const fresh = generated - (before?.generated ?? 0);
          if (fresh <= 0) return;
          const time = now();
          generationTokens.inc(labels, fresh);
          if (before) nextToken.observe(labels, (time - before.time) / fresh);
          else if (last.size === 0) firstToken.observe(labels, time - start);
          last.set(choice, { time, generated });
        },
        end(finishReason) {
          success.inc({ ...labels, finished_reason: finishReason });
          latency.observe(labels, now() - start);
        },
      };
    },
  };
}
