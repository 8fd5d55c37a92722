import type { Program } from "../../isa/program.ts";
import type { Raws } from "../../isa/raws.ts";

/** The same program with its constants in shared memory, so that every worker reads one copy. */
export function shareProgram(program: Program): Program {
  return {
    ...program,
    constants: program.constants.map(({ tensor, raws }) => ({ tensor, raws: share(raws) })),
  };
}

function share(raws: Raws): Raws {
  const buffer = new SharedArrayBuffer(raws.byteLength);
  if (raws instanceof Int32Array) {
    const copy = new Int32Array(buffer);
    copy.set(raws);
    return copy;
  }
  const copy = new BigInt64Array(buffer);
  copy.set(raws);
  return copy;
}
