/** Shapes: sizes of images and vectors, and the size formulas that several operators share. */
import type { Conv2dNode, Padding } from "./graph.ts";

/** [rows, columns, channels] of an image, [features] of a vector; tensors of weights have their own orders. */
export type Shape = readonly number[];

/** Most elements a value or a constant may have: 2^28, one gibibyte of float32. Larger ones are mistakes. */
export const MAXIMUM_ELEMENTS: number = 2 ** 28;

/** A node that does not fit its inputs. Becomes a `Diagnostic` where the node's name is known. */
export class ShapeMismatch extends Error {
  readonly found: string;
  readonly expected: string;

  constructor(found: string, expected: string) {
    super(`found ${found}, expected ${expected}`);
    this.name = "ShapeMismatch";
    this.found = found;
    this.expected = expected;
  }
}

/** Throws `ShapeMismatch` unless `condition` holds. */
export function expectShape(condition: boolean, found: string, expected: string): asserts condition {
  if (!condition) throw new ShapeMismatch(found, expected);
}

/** Product of the sizes; 1 for the empty shape. */
export function elementCount(shape: Shape): number {
  return shape.reduce((product, size) => product * size, 1);
}

/** Index along every axis of the element at a row-major offset. */
export function positionOf(offset: number, shape: Shape): readonly number[] {
  let rest = offset;
  return shape
    .toReversed()
    .map((size) => {
      const index = rest % size;
      rest = Math.floor(rest / size);
      return index;
    })
    .reverse();
}

/** Row-major offset of a position. */
export function offsetOf(position: readonly number[], shape: Shape): number {
  return shape.reduce((offset, size, axis) => offset * size + (position[axis] ?? 0), 0);
}

/** `[28, 28, 1]` */
export function formatShape(shape: Shape): string {
  return `[${shape.join(", ")}]`;
}

export function sameShape(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((size, axis) => size === b[axis]);
}

/** Whether `value` is an integer from `minimum` up that cannot disturb an address computation. */
export function isSize(value: number, minimum = 1): boolean {
  return Number.isInteger(value) && value >= minimum && value <= MAXIMUM_ELEMENTS;
}

/** Whether every size is a positive integer and all together stay within `MAXIMUM_ELEMENTS`. */
export function isBoundedShape(shape: Shape): boolean {
  return shape.every((size) => isSize(size)) && elementCount(shape) <= MAXIMUM_ELEMENTS;
}

/** Throws `ShapeMismatch` unless the shape is that of an image or a vector and within `MAXIMUM_ELEMENTS`. */
export function expectValueShape(shape: Shape): void {
  expectShape(
    (shape.length === 1 || shape.length === 3) && isBoundedShape(shape),
    formatShape(shape),
    `[features] or [rows, columns, channels], positive and at most ${MAXIMUM_ELEMENTS} elements in all`,
  );
}

/** The shape as that of an image; throws `ShapeMismatch` for any other. */
export function expectImage(shape: Shape): readonly [rows: number, columns: number, channels: number] {
  const [rows, columns, channels, ...rest] = shape;
  if (rows === undefined || columns === undefined || channels === undefined || rest.length > 0) {
    throw new ShapeMismatch(`input ${formatShape(shape)}`, "an image [rows, columns, channels]");
  }
  return [rows, columns, channels];
}

/** One axis of a sliding window, in elements. */
export interface WindowAxis {
  readonly input: number;
  readonly kernel: number;
  readonly stride: number;
  readonly dilation: number;
  readonly before: number;
  readonly after: number;
}

/** Elements from the first to the last one a dilated kernel touches: (kernel − 1) · dilation + 1. */
export function windowExtent(kernel: number, dilation: number): number {
  return (kernel - 1) * dilation + 1;
}

/** ⌊(input + before + after − extent) / stride⌋ + 1; zero or less where the window does not fit once. */
export function windowCount({ input, kernel, stride, dilation, before, after }: WindowAxis): number {
  return Math.floor((input + before + after - windowExtent(kernel, dilation)) / stride) + 1;
}

/** Throws `ShapeMismatch` unless all four sides are whole numbers from 0 up. */
export function expectPadding(padding: Padding): void {
  const { top, bottom, left, right } = padding;
  expectShape(
    [top, bottom, left, right].every((side) => isSize(side, 0)),
    `padding top ${top}, bottom ${bottom}, left ${left}, right ${right}`,
    "whole numbers from 0 up",
  );
}

/** Throws `ShapeMismatch` unless both are positive integers. */
export function expectPair(what: string, pair: readonly [number, number]): void {
  expectShape(
    pair.every((size) => isSize(size)),
    `${what} ${formatShape(pair)}`,
    "two positive integers [rows, columns]",
  );
}

export const NO_PADDING: Padding = { top: 0, bottom: 0, left: 0, right: 0 };

/** Window of a 1 × 1 convolution: every pixel by itself. */
export const POINTWISE: Pick<Conv2dNode, "strides" | "dilations" | "padding"> = {
  strides: [1, 1],
  dilations: [1, 1],
  padding: NO_PADDING,
};

export function isNoPadding({ top, bottom, left, right }: Padding): boolean {
  return top === 0 && bottom === 0 && left === 0 && right === 0;
}

export function addPadding(a: Padding, b: Padding): Padding {
  return { top: a.top + b.top, bottom: a.bottom + b.bottom, left: a.left + b.left, right: a.right + b.right };
}
