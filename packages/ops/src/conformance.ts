/**
 * The conformance suites: what a backend must compute for our libraries to run on it, as plain functions. A runner
 * starts a backend and calls every case; a case throws if the backend does not conform.
 */
import { adamWSuite } from "./adamw.conformance.ts";
import { attentionSuite } from "./attention.conformance.ts";
import { blockLayoutSuite } from "./block-layout.conformance.ts";
import { cacheAppendSuite } from "./cache-append.conformance.ts";
import { captureSuite } from "./capture.conformance.ts";
import type { ConformanceSuite } from "./conformance/case.ts";
import { crossEntropySuite } from "./cross-entropy.conformance.ts";
import { dropoutSuite } from "./dropout.conformance.ts";
import { embeddingSuite } from "./embedding.conformance.ts";
import { geluSuite } from "./gelu.conformance.ts";
import { sumOfSquaresSuite } from "./global-norm.conformance.ts";
import { layerNormSuite } from "./layer-norm.conformance.ts";
import { linearSuite } from "./linear.conformance.ts";
import { movingAverageSuite } from "./moving-average.conformance.ts";
import { muonSuite } from "./muon.conformance.ts";
import { recomputeSuite } from "./recompute.conformance.ts";
import { rmsNormSuite } from "./rms-norm.conformance.ts";
import { rotarySuite } from "./rotary.conformance.ts";
import { squaredReluSuite } from "./squared-relu.conformance.ts";
import { storageSuite } from "./storage.conformance.ts";
import { elementwiseSuite, logicSuite } from "./tfjs-elementwise.conformance.ts";
import { layoutSuite } from "./tfjs-layout.conformance.ts";
import { memorySuite } from "./tfjs-memory.conformance.ts";
import { matMulSuite, reductionSuite } from "./tfjs-reductions.conformance.ts";
import { vjpSuite } from "./vjp.conformance.ts";

export type { ConformanceCase, ConformanceOptions, ConformanceSuite } from "./conformance/case.ts";
export { knownFaults } from "./conformance/known-faults.ts";

/** The suites of every op, of vjp and recompute, and of the TensorFlow.js kernels that training and decoding use. */
export const conformanceSuites: readonly ConformanceSuite[] = [
  linearSuite,
  layerNormSuite,
  rmsNormSuite,
  geluSuite,
  rotarySuite,
  squaredReluSuite,
  embeddingSuite,
  dropoutSuite,
  attentionSuite,
  blockLayoutSuite,
  crossEntropySuite,
  sumOfSquaresSuite,
  adamWSuite,
  muonSuite,
  movingAverageSuite,
  cacheAppendSuite,
  storageSuite,
  captureSuite,
  vjpSuite,
  recomputeSuite,
  elementwiseSuite,
  logicSuite,
  matMulSuite,
  reductionSuite,
  layoutSuite,
  memorySuite,
];
