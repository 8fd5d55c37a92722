import { type Diagnostic, nearestName } from "../diagnostic.ts";
import { INSTRUCTIONS } from "../instructions/table.ts";
import { checkMachine } from "../machine.ts";
import { fitsInt32 } from "../numerics/raws.ts";
import { register, validateRegister } from "../numerics/register.ts";
import type { DatapathSpec } from "./datapath.ts";
import { DATAPATH_REGISTERS } from "./datapath.ts";
import { isAxisOrder } from "./model-output.ts";
import { elementCount, type Program, type TensorSymbol } from "./program.ts";

type Report = (where: string, what: string, hint: string) => void;

/**
 * Everything in which a program's symbols contradict each other, its machine or its instructions; empty for a good
 * program. What the instructions do is not looked at: that is for the simulated machine to fault on. All diagnostics get
 * `code`.
 */
export function checkSymbols(program: Program, where: string, code = "PROGRAM"): Diagnostic[] {
  const found: Diagnostic[] = checkMachine(program.machine, `${where}: machine`);
  const report: Report = (at, what, hint) => {
    found.push({ code, where: `${where}: ${at}`, what, hint });
  };
  found.push(...checkTensors(program, where, report));
  found.push(...checkLayers(program, where, report));
  checkTiles(program, report);
  checkConstants(program, report);
  checkInterface(program, report);
  return found.map((diagnostic) => ({ ...diagnostic, code }));
}

/** Bits a tensor takes in DRAM. */
function sizeBits(tensor: TensorSymbol): number {
  return elementCount(tensor.shape) * tensor.format.wordLength;
}

function checkTensors(program: Program, where: string, report: Report): Diagnostic[] {
  const { capacityBits, wordBits } = program.machine.dram;
  const found: Diagnostic[] = [];
  reportRepeated(program.tensors, "tensor", report);
  for (const tensor of program.tensors) {
    const at = `tensor "${tensor.name}"`;
    const { address } = tensor;
    found.push(...validateRegister(register(tensor.format), `${where}: ${at}`));
    if (address % wordBits !== 0) {
      const nearest = Math.ceil(address / wordBits) * wordBits;
      report(at, `address ${address} is no multiple of the ${wordBits}-bit DRAM word`, `the next one is ${nearest}`);
    }
    if (address + sizeBits(tensor) > capacityBits) {
      report(
        at,
        `it ends at bit ${address + sizeBits(tensor)}, beyond the ${capacityBits} bits of DRAM`,
        "lower its address, or give the machine more DRAM",
      );
    }
  }
  const byAddress = [...program.tensors].sort((a, b) => a.address - b.address);
  byAddress.forEach((tensor, index) => {
    const before = byAddress[index - 1];
    if (before && before.address + sizeBits(before) > tensor.address) {
      report(
        `tensor "${tensor.name}"`,
        `it starts at bit ${tensor.address}, inside tensor "${before.name}"`,
        `"${before.name}" ends at bit ${before.address + sizeBits(before)}`,
      );
    }
  });
  return found;
}

function checkLayers(program: Program, where: string, report: Report): Diagnostic[] {
  const instructionCount = program.instructions.length;
  const tensors = new Map(program.tensors.map(({ name, role }) => [name, role]));
  const constants = program.tensors.flatMap(({ name, role }) => (role === "constant" ? [name] : []));
  const found: Diagnostic[] = [];
  reportRepeated(program.layers, "layer", report);
  program.layers.forEach((layer, index) => {
    const at = `layer "${layer.name}"`;
    const { firstInstruction, endInstruction } = layer;
    if (firstInstruction > endInstruction || endInstruction > instructionCount) {
      report(
        at,
        `instructions ${firstInstruction} to ${endInstruction} of a program with ${instructionCount}`,
        "the first must not be above the end, the end not above the number of instructions",
      );
    }
    const previous = program.layers[index - 1];
    if (previous && previous.endInstruction !== firstInstruction) {
      report(
        at,
        `it starts at instruction ${firstInstruction}, layer "${previous.name}" before it ends at ${previous.endInstruction}`,
        "a layer starts where the one before it ends",
      );
    }
    for (const name of [...layer.inputs, layer.output]) {
      if (!tensors.has(name)) report(at, `there is no tensor "${name}"`, nearHint(name, [...tensors.keys()]));
    }
    const table = layer.table === undefined ? [] : [layer.table.tensor];
    for (const name of [...Object.values(layer.constants), ...table]) {
      if (tensors.get(name) === "constant") continue;
      report(at, `there is no constant tensor "${name}"`, nearHint(name, constants));
    }
    found.push(...checkDatapath(layer.datapath, `${where}: ${at}`));
  });
  const layers = program.layers.map((layer) => layer.name);
  for (const { layer } of program.compileOverflow) {
    if (!layers.includes(layer)) report("compileOverflow", `there is no layer "${layer}"`, nearHint(layer, layers));
  }
  return found;
}

function checkDatapath(datapath: DatapathSpec, where: string): Diagnostic[] {
  return [...checkFilterPoints(datapath, where), ...checkRegisters(datapath, where)];
}

/** Fraction lengths per filter start at that of the weights, and scale words align them. */
function checkFilterPoints(
  { weight, scale, weightFractionLengths: lengths }: DatapathSpec,
  where: string,
): Diagnostic[] {
  if (lengths === undefined) return [];
  const { fractionLength } = weight.format;
  const least = lengths.reduce((a, b) => Math.min(a, b));
  if (scale !== undefined && least === fractionLength) return [];
  return [
    {
      code: "DATAPATH",
      where: `${where}: weightFractionLengths`,
      what:
        scale === undefined
          ? "the layer has no scale register"
          : `the least is ${least}, the weights' ${fractionLength}`,
      hint: "name the scale register, and weights with the least fraction length",
    },
  ];
}

function checkRegisters(datapath: DatapathSpec, where: string): Diagnostic[] {
  return DATAPATH_REGISTERS.flatMap((name) => {
    const spec = datapath[name];
    const exact = name === "product" || name === "accumulator";
    return spec ? validateRegister(spec, `${where}: ${name}`, { exact }) : [];
  });
}

function checkTiles(program: Program, report: Report): void {
  let last = -1;
  for (const { instruction } of program.tiles) {
    const at = `tile of instruction ${instruction}`;
    const found = program.instructions[instruction];
    if (!found) {
      report(at, `the program has ${program.instructions.length} instructions`, "name one of them");
    } else if (INSTRUCTIONS[found.opcode].unit !== "compute") {
      report(at, `${found.opcode} is not of the compute unit`, "name the instruction that writes the tile");
    }
    if (instruction <= last) report(at, `it follows the tile of ${last}`, "list tiles once, in program order");
    last = Math.max(last, instruction);
  }
}

function checkConstants(program: Program, report: Report): void {
  const constantTensors = new Map(
    program.tensors.filter(({ role }) => role === "constant").map((tensor) => [tensor.name, tensor]),
  );
  const missing = new Set(constantTensors.keys());
  const names = [...constantTensors.keys()];
  for (const { tensor: name, raws } of program.constants) {
    const at = `constant "${name}"`;
    const tensor = constantTensors.get(name);
    if (!tensor) {
      report(at, "no tensor of role constant has this name", nearHint(name, names));
      continue;
    }
    if (!missing.delete(name)) report(at, "its words are given twice", "give them once");
    const expected = elementCount(tensor.shape);
    if (raws.length !== expected) {
      report(at, `${raws.length} words`, `its shape ${tensor.shape.join(" × ")} asks for ${expected}`);
    }
    if (raws instanceof Int32Array !== fitsInt32(tensor.format)) {
      report(at, `its words are in a ${raws.constructor.name}`, "use allocateRaws of isa/numerics/raws.ts");
    }
  }
  for (const name of missing) report(`constant "${name}"`, "it has no words", "give them, or change the tensor's role");
}

function checkInterface(program: Program, report: Report): void {
  for (const role of ["input", "output"] as const) {
    const found = program.tensors.find((tensor) => tensor.name === program[role]);
    const names = program.tensors.filter((tensor) => tensor.role === role).map((tensor) => tensor.name);
    if (!found) report(role, `there is no tensor "${program[role]}"`, nearHint(program[role], names));
    else if (found.role !== role) {
      report(role, `tensor "${found.name}" has the role ${found.role}`, `give it the role ${role}, or name another`);
    }
  }
  checkModelOutputs(program, report);
}

function checkModelOutputs({ tensors, output, modelOutputs }: Program, report: Report): void {
  if (modelOutputs === undefined) return;
  for (const each of modelOutputs) {
    if (isAxisOrder(each)) continue;
    report(`modelOutputs "${each.name}"`, `order [${each.order}] of ${each.shape.length} axes`, "name each axis once");
  }
  const found = modelOutputs.reduce((sum, { shape }) => sum + elementCount(shape), 0);
  const expected = elementCount(tensors.find(({ name }) => name === output)?.shape ?? []);
  if (found !== expected) report("modelOutputs", `${found} elements`, `tensor "${output}" has ${expected}`);
}

function reportRepeated(symbols: readonly { readonly name: string }[], kind: string, report: Report): void {
  const seen = new Set<string>();
  for (const { name } of symbols) {
    if (seen.has(name)) report(`${kind} "${name}"`, "the name is used twice", `give every ${kind} its own name`);
    seen.add(name);
  }
}

function nearHint(name: string, names: readonly string[]): string {
  const nearest = nearestName(name, names);
  return nearest ? `did you mean "${nearest}"?` : `declare it first`;
}
