/** ResizeNearestNeighbor by whole factors; where elements are left out, as a slice. */
import { MAXIMUM_ELEMENTS } from "../../../../graph/shape.ts";
import { nodeError } from "../../values/node-error.ts";
import { addAs, imageInput, imageOf, type NewNodeWithoutName } from "../../values/value.ts";
import { flagAttribute } from "../attributes.ts";
import { integersInput, type NodeCall, type NodeRule, valueInput } from "../rule.ts";

export const resizeRule: NodeRule = (call) => {
  const { input, image } = imageInput(call, valueInput(call, 0, "images"));
  const [rows = 0, columns = 0, ...rest] = integersInput(call, 1, "size");
  if (rest.length > 0 || Math.min(rows, columns) < 1 || rows * columns * image[2] > MAXIMUM_ELEMENTS) {
    const what = `found ${rows} × ${columns}, expected rows and columns within ${MAXIMUM_ELEMENTS} elements`;
    throw nodeError(call, "input size", what, "export the model again");
  }
  const steps = [stepOf(call, image[0], rows, "rows"), stepOf(call, image[1], columns, "columns")] as const;
  const factors = [steps[0].factor, steps[1].factor] as const;
  const cuts = steps.some(({ slice }) => slice !== undefined);
  const nodes: ((name: string) => NewNodeWithoutName)[] = [];
  if (cuts) {
    const ranges = [...steps.map(({ slice }, axis) => slice ?? whole(image[axis] ?? 1)), whole(image[2])];
    nodes.push((name) => ({
      op: "slice",
      inputs: [name],
      start: ranges.map(({ start }) => start),
      stop: ranges.map(({ stop }) => stop),
      step: ranges.map(({ step }) => step),
    }));
  }
  if (!cuts || factors.some((factor) => factor > 1)) {
    nodes.push((name) => ({ op: "resize", inputs: [name], factors }));
  }
  const name = nodes.reduce(
    (before, node, index) => addAs(call, index + 1 < nodes.length ? "part" : undefined, node(before)),
    input,
  );
  return [imageOf(call, name)];
};

interface Range {
  readonly start: number;
  readonly stop: number;
  readonly step: number;
}

const whole = (size: number): Range => ({ start: 0, stop: size, step: 1 });

/** Every element `factor` times, or those of a slice once. */
interface Step {
  readonly factor: number;
  readonly slice?: Range;
}

function stepOf(call: NodeCall, size: number, wanted: number, what: string): Step {
  const positions = sources(call, size, wanted);
  const factor = wanted / size;
  if (Number.isInteger(factor) && positions.every((source, index) => source === Math.floor(index / factor))) {
    return { factor };
  }
  const [start = 0, second = start + 1] = positions;
  const step = second - start;
  if (step >= 1 && positions.every((source, index) => source === start + index * step)) {
    return { factor: 1, slice: { start, stop: (positions.at(-1) ?? 0) + 1, step } };
  }
  throw nodeError(
    call,
    "input size",
    `found ${size} ${what} resized to ${wanted}, which take ${positions.slice(0, 6).join(", ")}${wanted > 6 ? ", …" : ""}`,
    "the machine repeats every element a whole number of times, or takes every n-th",
  );
}

/** The input position behind every output position of an axis. */
function sources(call: NodeCall, size: number, wanted: number): readonly number[] {
  const aligned = flagAttribute(call, "align_corners", false);
  const half = flagAttribute(call, "half_pixel_centers", false) ? 0.5 : 0;
  const ratio = aligned && wanted > 1 ? (size - 1) / (wanted - 1) : size / wanted;
  return Array.from({ length: wanted }, (_, index) => {
    const source = ratio * (index + half);
    return Math.min(size - 1, aligned ? Math.round(source) : Math.floor(source));
  });
}
