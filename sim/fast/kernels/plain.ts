import { allocateWords } from "../memory/words.ts";
import { BIGINT_DOT } from "./bigint-dot.ts";
import type { KernelForm, KernelLibrary, Lane, MatrixKernel } from "./contract.ts";
import { loopKernel } from "./loop-kernel.ts";
import { stepwiseBigint } from "./stepwise-bigint.ts";
import { stepwiseFloat64 } from "./stepwise-float64.ts";

const STEPWISE_FLOAT64: MatrixKernel = { name: "float64 stepwise", bind: stepwiseFloat64 };
const STEPWISE_BIGINT: MatrixKernel = { name: "bigint stepwise", bind: stepwiseBigint };

/** Kernel by lane and form. A form that a lane does without is served by its stepwise kernel, which serves them all. */
const KERNELS: Readonly<Record<Lane, Readonly<Record<KernelForm, MatrixKernel>>>> = {
  int32: {
    dot: loopKernel("int32", "dot"),
    free: loopKernel("int32", "free"),
    ordered: loopKernel("int32", "ordered"),
    stepwise: STEPWISE_FLOAT64,
  },
  float64: {
    dot: loopKernel("float64", "dot"),
    free: loopKernel("float64", "free"),
    ordered: loopKernel("float64", "ordered"),
    stepwise: STEPWISE_FLOAT64,
  },
  bigint: { dot: BIGINT_DOT, free: STEPWISE_BIGINT, ordered: STEPWISE_BIGINT, stepwise: STEPWISE_BIGINT },
};

/** Kernels in plain TypeScript: they need nothing, and explain the faster ones. */
export const PLAIN_KERNELS: KernelLibrary = {
  name: "plain TypeScript",
  allocate: ({ wordLength, signed }, length) => allocateWords({ wordLength, signed, fractionLength: 0 }, length),
  matrix: (_problem, { lane, form }) => KERNELS[lane][form],
};
