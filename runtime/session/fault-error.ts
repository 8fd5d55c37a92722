import type { Fault } from "../../sim/fault.ts";

/** Thrown where a fault of the simulated machine leaves nothing to return; the command line ends with code 3. */
export class FaultError extends Error {
  readonly fault: Fault;

  constructor(fault: Fault) {
    super(faultText(fault));
    this.name = "FaultError";
    this.fault = fault;
  }
}

export function faultText(fault: Fault): string {
  const where = fault.pc === null ? "program" : `instruction ${fault.pc}`;
  const onHost = fault.kind === "overflow-trap" && fault.pc === null;
  const when = onHost ? "on the host" : fault.cycle === null ? "before the first cycle" : `cycle ${fault.cycle}`;
  const { site } = fault;
  const element = site === null || site.row < 0 ? "" : `, row ${site.row} column ${site.column}`;
  return `fault[${fault.kind}] ${where}, ${when}${element}: ${fault.message}`;
}
