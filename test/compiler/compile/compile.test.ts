import { describe, expect, test } from "vitest";
import { type Compilation, compile, prepareGraph } from "../../../compiler/compile.ts";
import type { NewNode } from "../../../compiler/graph/builder.ts";
import type { Graph } from "../../../compiler/graph/graph.ts";
import type { LayerEntry } from "../../../compiler/quantization/specification.ts";
import { DEFAULT_MACHINE, type Machine } from "../../../isa/machine.ts";
import { elementCount } from "../../../isa/program/program.ts";
import { checkProgram } from "../../../sim/check/index.ts";
import { scheduleProgram } from "../../../sim/timing/index.ts";
import { convolution, dense, lenet, maximumPool, network, tensor } from "./networks.ts";

function compiled(graph: Graph, entry: LayerEntry = {}, machine: Machine = DEFAULT_MACHINE): Compilation {
  return compile(graph, { machine, assignment: { default: { format: "16,8", ...entry } }, seed: 1 });
}

function counts({ program }: Compilation): Record<string, number> {
  const result: Record<string, number> = {};
  for (const { opcode } of program.instructions) result[opcode] = (result[opcode] ?? 0) + 1;
  return result;
}

describe("LeNet on the default machine", () => {
  const compilation = compiled(lenet());
  const { program } = compilation;

  test("is admitted, and its layers carry the multiplications that the shapes give", () => {
    expect(checkProgram(program)).toBeNull();
    expect(program.layers.map(({ name, kind, macs }) => [name, kind, macs])).toEqual([
      ["conv1", "conv2d", 288_000],
      ["pool1", "pool", 0],
      ["conv2", "conv2d", 1_600_000],
      ["pool2", "pool", 0],
      ["fc1", "dense", 400_000],
      ["fc2", "dense", 5_000],
    ]);
    expect(program.hostOperators).toEqual(["softmax"]);
    expect([program.input, program.output]).toEqual(["image", "fc2"]);
  });

  test("takes between 100 and 300 instructions whatever the datapath and dataflow", () => {
    for (const datapath of ["intrinsic", "tensorquant", "wide"]) {
      for (const dataflow of ["output-stationary", "weight-stationary"] as const) {
        const each = compiled(lenet(), { datapath }, { ...DEFAULT_MACHINE, dataflow });
        console.info(`LeNet ${datapath} ${dataflow}: ${each.program.instructions.length} instructions`, counts(each));
        expect(checkProgram(each.program)).toBeNull();
        expect(each.program.instructions.length).toBeGreaterThan(100);
        expect(each.program.instructions.length).toBeLessThan(300);
      }
    }
  });

  test("keeps the load unit busy for most of the time: weights of 6.9 Mbit come over a port of 64 bits a cycle", () => {
    const scheduled = scheduleProgram(program);
    if (!("report" in scheduled)) throw new Error(scheduled.fault.message);
    const { total, units } = scheduled.report;
    expect(units.load.busy / total).toBeGreaterThan(0.8);
    expect(total).toBeLessThan(150_000);
  });

  test("layers and tensors lie one after the other, and constants fill their tensors", () => {
    let instruction = 0;
    for (const layer of program.layers) {
      expect(layer.firstInstruction).toBe(instruction);
      instruction = layer.endInstruction;
    }
    expect(instruction).toBe(program.instructions.length - 1);
    let end = 0;
    for (const { address, shape, format } of program.tensors) {
      expect(address).toBeGreaterThanOrEqual(end);
      expect(address % DEFAULT_MACHINE.dram.wordBits).toBe(0);
      end = address + elementCount(shape) * format.wordLength;
    }
    const roles = program.tensors.map(({ name, role }) => `${name} ${role}`);
    expect(roles.slice(0, 4)).toEqual([
      "image input",
      "conv1/weight constant",
      "conv1/bias constant",
      "conv1 intermediate",
    ]);
    expect(roles.at(-1)).toBe("fc2 output");
    for (const { tensor: name, raws } of program.constants) {
      const symbol = program.tensors.find((each) => each.name === name);
      expect(raws.length).toBe(elementCount(symbol?.shape ?? []));
    }
    expect(program.compileOverflow.map(({ layer }) => layer)).toEqual(["conv1", "conv2", "fc1", "fc2"]);
  });

  test("every computing instruction has its place in the output", () => {
    const computing = program.instructions.flatMap(({ opcode }, index) =>
      ["matrix", "requantize", "pool", "vector"].includes(opcode) ? [index] : [],
    );
    expect(program.tiles.map(({ instruction }) => instruction)).toEqual(computing);
  });

  test("is the same program every time, and a prepared graph compiles to it too", () => {
    for (const graph of [lenet(), prepareGraph(lenet())]) {
      const { constants, ...again } = compiled(graph).program;
      const { constants: expected, ...rest } = program;
      expect(again).toEqual(rest);
      constants.forEach(({ tensor: name, raws }, index) => {
        expect(name).toBe(expected[index]?.tensor);
        expect(raws.every((raw, at) => raw === expected[index]?.raws[at])).toBe(true);
      });
    }
  });

  test("counts clipped words once per layer", () => {
    const { program: narrow } = compile(lenet(), {
      machine: DEFAULT_MACHINE,
      assignment: { default: { format: "16,8" }, layers: { conv1: { weight: "8,10" } } },
      seed: 1,
    });
    const [first] = narrow.compileOverflow;
    const clipped = tensor([5, 5, 1, 20], 25).data.filter((value) => Math.abs(value) > 127.5 / 1024).length;
    expect(first?.weight).toBeGreaterThan(clipped - 3);
    expect(first?.weight).toBeLessThan(clipped + 3);
  });
});

/** A convolution, a pool, a flatten and a dense layer. */
function tiny(): Graph {
  return network(
    [8, 6, 1],
    convolution("conv1", "image", [3, 3, 1, 4]),
    maximumPool("pool", "conv1", 2),
    { op: "reshape", name: "flatten", inputs: ["pool"], shape: [24] },
    dense("fc", "flatten", 24, 10, "none"),
  );
}

describe("shapes of networks", () => {
  test("a reshape is another name: the layer behind it reads the tensor before it", () => {
    const { program } = compiled(tiny());
    expect(program.layers.find(({ name }) => name === "fc")?.inputs).toEqual(["pool"]);
    expect(program.tensors.some(({ name }) => name === "flatten")).toBe(false);
  });

  test("a network that ends in a reshape hands out the tensor before it", () => {
    const graph = network([4, 4, 2], maximumPool("pool", "image", 2), {
      op: "reshape",
      name: "flat",
      inputs: ["pool"],
      shape: [8],
    });
    expect(compiled(graph).program.output).toBe("pool");
  });

  test("a sum of four values is a chain over intermediate tensors", () => {
    const parts = ["a", "b", "c", "d"].map((name) => convolution(name, "image", [1, 1, 2, 3]));
    const graph = network([3, 5, 2], ...parts, {
      op: "add",
      name: "sum",
      inputs: ["a", "b", "c", "d"],
      activation: "relu",
    });
    const { program } = compiled(graph);
    expect(program.tensors.map(({ name }) => name).filter((name) => name.startsWith("sum"))).toEqual([
      "sum/partial1",
      "sum/partial2",
      "sum",
    ]);
    expect(counts(compiled(graph)).vector).toBe(3);
    expect(checkProgram(program)).toBeNull();
  });

  test("a depthwise convolution is one matrix problem per channel", () => {
    const graph = network([6, 5, 8], convolution("depthwise", "image", [3, 3, 1, 8], { groups: 8 }));
    const { program } = compiled(graph);
    expect(counts(compiled(graph))).toMatchObject({ matrix: 8, requantize: 1, load: 3, store: 1 });
    expect(program.layers[0]?.macs).toBe(4 * 3 * 8 * 9);
    expect(program.tiles.slice(0, 3).map(({ channel }) => channel)).toEqual([0, 1, 2]);
  });

  test("a kernel of one position with a stride loads only what it reads", () => {
    const graph = network([9, 9, 4], convolution("down", "image", [1, 1, 4, 8], { strides: [2, 2] }));
    const load = compiled(graph).program.instructions.find(
      (each) => each.opcode === "load" && each.target === "inputScratchpad",
    );
    expect(load).toMatchObject({ rows: 5, columns: 5, channels: 4, rowStride: 2 * 9 * 4, columnStride: 8 });
  });

  test("another input format than the producer's is double rounding, and the report can say so", () => {
    const { program } = compile(tiny(), {
      machine: DEFAULT_MACHINE,
      assignment: { default: { format: "16,8" }, layers: { fc: { input: "12,6" } } },
      seed: 1,
    });
    expect(program.layers.map(({ doubleRounding }) => doubleRounding)).toEqual([false, false, true]);
  });

  test("ReLU6 clips at 6 in the format of the register before it", () => {
    const graph = network([4, 4, 2], convolution("conv", "image", [3, 3, 2, 2], { activation: "relu6" }));
    const configure = (entry: LayerEntry) =>
      compiled(graph, entry).program.instructions.find(({ opcode }) => opcode === "configure.activation");
    expect(configure({ accumulator: "24,12" })).toMatchObject({
      activation: "clip",
      lowest: 0n,
      highest: 6n << 12n,
      fractionLength: 12n,
    });
    expect(configure({ accumulator: "24,-2" })).toMatchObject({ activation: "clip", highest: 2n, fractionLength: -2n });
    expect(configure({ accumulator: "8,6" })).toMatchObject({ activation: "clip", highest: 127n, fractionLength: 6n });
    const fields = { accumulator: "2,0", sum: "u4,1" } as const;
    expect(configure(fields)).toMatchObject({ activation: "clip", highest: 12n, fractionLength: 1n });
  });

  test("a layer named like a constant of another keeps its name", () => {
    const graph = network(
      [4, 4, 2],
      convolution("a", "image", [1, 1, 2, 2]),
      convolution("a/weight", "a", [1, 1, 2, 2]),
    );
    const { program } = compiled(graph);
    expect(new Set(program.tensors.map(({ name }) => name)).size).toBe(program.tensors.length);
    expect(program.output).toBe("a/weight");
    expect(checkProgram(program)).toBeNull();
  });
});

describe("what cannot be compiled", () => {
  const memory = (
    name: "inputScratchpad" | "weightScratchpad" | "accumulatorBank" | "outputBuffer",
    capacityBits: number,
  ) => ({
    ...DEFAULT_MACHINE,
    [name]: { ...DEFAULT_MACHINE[name], capacityBits },
  });

  test.each([
    ["inputScratchpad", 15, 16],
    ["weightScratchpad", 20, 32],
    ["accumulatorBank", 10, 16],
    ["outputBuffer", 3, 16],
  ] as const)("a %s too small for one tile is named with the bits needed and there", (name, capacity, needed) => {
    expect(() => compiled(tiny(), {}, memory(name, capacity))).toThrow(
      new RegExp(
        `SCRATCHPAD.*layer "conv1": the smallest tile needs ${needed} bits of ${name}, the machine has ${capacity};.*enlarge`,
      ),
    );
  });

  test("a memory too small for a pool, an addition or a padding is named too", () => {
    const add: NewNode = { op: "add", name: "sum", inputs: ["image", "image"], activation: "none" };
    const pad: NewNode = {
      op: "pad",
      name: "pad",
      inputs: ["image"],
      padding: { top: 1, bottom: 0, left: 0, right: 2 },
    };
    const graphs = [
      network([4, 4, 2], maximumPool("pool", "image", 2)),
      network([4, 4, 2], add),
      network([4, 4, 2], pad),
    ];
    expect(() => compiled(graphs[0] as Graph, {}, memory("inputScratchpad", 63))).toThrow(
      /"pool".*needs 64 bits of inputScratchpad/,
    );
    expect(() => compiled(graphs[1] as Graph, {}, memory("inputScratchpad", 31))).toThrow(
      /"sum".*needs 32 bits of inputScratchpad/,
    );
    expect(() => compiled(graphs[2] as Graph, {}, memory("outputBuffer", 40))).toThrow(
      /"pad".*needs 64 bits of outputBuffer/,
    );
    for (const graph of graphs) {
      expect(checkProgram(compiled(graph, {}, memory("inputScratchpad", 64)).program)).toBeNull();
    }
  });

  test("a DRAM too small for the network is named", () => {
    const small = { ...DEFAULT_MACHINE, dram: { ...DEFAULT_MACHINE.dram, capacityBits: 2 ** 10 } };
    expect(() => compiled(tiny(), {}, small)).toThrow(/DRAM.*bits of DRAM/);
  });

  test("a network without a layer, an extrinsic one and a bad machine are diagnostics", () => {
    const none = network([4, 4, 2], { op: "reshape", name: "flat", inputs: ["image"], shape: [32] });
    expect(() => compiled(none)).toThrow(/NO_LAYERS/);
    expect(() => compiled(tiny(), { datapath: "extrinsic" })).toThrow(/EXTRINSIC/);
    expect(() => compiled(tiny(), {}, { ...DEFAULT_MACHINE, rows: 0 })).toThrow(/MACHINE.*rows/);
  });

  test("sizes beyond the instruction fields are diagnostics that name the layer", () => {
    const padding = { top: 300, bottom: 0, left: 0, right: 0 };
    const padded = network([2, 2, 1], convolution("conv", "image", [3, 3, 1, 1], { padding: { ...padding, left: 1 } }));
    expect(() => compiled(padded)).toThrow(/FIELD_LIMIT.*"conv".*padding rows 300.*at most 255/);
    const window = network([1100, 1, 1], {
      ...maximumPool("pool", "image", 1),
      kernel: [1030, 1],
      strides: [1, 1],
    } as NewNode);
    expect(() => compiled(window)).toThrow(/FIELD_LIMIT.*"pool".*window rows 1030.*at most 1023/);
  });

  test("strides and paddings beyond their fields are split where that is possible", () => {
    const pool = { ...maximumPool("pool", "image", 2), strides: [300, 1] } as NewNode;
    const pad: NewNode = {
      op: "pad",
      name: "pad",
      inputs: ["image"],
      padding: { top: 300, bottom: 1, left: 2, right: 400 },
    };
    for (const graph of [network([700, 3, 2], pool), network([2, 3, 1], pad), network([70_000, 1, 1], dense1())]) {
      expect(checkProgram(compiled(graph).program)).toBeNull();
    }
  });
});

/** A layer over an image with more rows than a field counts. */
function dense1(): NewNode {
  return convolution("tall", "image", [3, 1, 1, 2]);
}

test("a dense layer directly on a vector input works", () => {
  const { program } = compiled(network([7], dense("fc", "image", 7, 3, "relu")));
  expect(program.tensors[0]).toMatchObject({ name: "image", role: "input", shape: [1, 1, 7] });
  expect(checkProgram(program)).toBeNull();
});
