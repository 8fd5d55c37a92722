import {
  EVIDENCE_REGISTERS,
  type EvidenceRegister,
  type LayerEvidence,
  mergeEvidence,
  mergeRegisterEvidence,
  type OverflowSite,
  type RegisterEvidence,
} from "../../evidence.ts";

type MutableLayerEvidence = { [Register in EvidenceRegister]?: RegisterEvidence };

/** Overflow counts by layer and register, without objects: the common case in every image. */
function countsOf(layers: number): Float64Array {
  return new Float64Array(layers * EVIDENCE_REGISTERS.length);
}

const RANK = Object.fromEntries(EVIDENCE_REGISTERS.map((register, rank) => [register, rank])) as Readonly<
  Record<EvidenceRegister, number>
>;

/** Evidence of one batch. What an image adds counts once it is completed: an image that traps leaves none. */
export class BatchEvidence {
  private readonly layerCount: number;
  private readonly located: readonly ReadonlySet<EvidenceRegister>[];
  private completed: readonly LayerEvidence[];
  private readonly completedCounts: Float64Array;
  private current: MutableLayerEvidence[];
  private readonly currentCounts: Float64Array;
  private images = 0;
  private trapped: OverflowSite | null = null;

  /** `located`: by layer, registers that have their first offender in an image before the batch. */
  constructor(layers: number, located: readonly ReadonlySet<EvidenceRegister>[] = []) {
    this.layerCount = layers;
    this.located = located;
    this.completed = emptyLayers(layers);
    this.current = emptyLayers(layers);
    this.completedCounts = countsOf(layers);
    this.currentCounts = countsOf(layers);
  }

  /** Overflows of a register whose first offender is known already. */
  addOverflows(layer: number, register: EvidenceRegister, overflows: number): void {
    const index = layer * EVIDENCE_REGISTERS.length + RANK[register];
    this.currentCounts[index] = (this.currentCounts[index] ?? 0) + overflows;
  }

  /** Whether an overflow must be located: instructions and images come in order, so the first one found stays the first. */
  needsSite(layer: number, register: EvidenceRegister): boolean {
    if (this.located[layer]?.has(register)) return false;
    return !(this.completed[layer]?.[register]?.first || this.current[layer]?.[register]?.first);
  }

  /** All evidence of a register in one instruction. */
  add(layer: number, register: EvidenceRegister, evidence: RegisterEvidence): void {
    const found = this.current[layer];
    if (found === undefined) return;
    const known = found[register];
    found[register] = known === undefined ? evidence : mergeRegisterEvidence(known, evidence);
  }

  /** First overflow of a register in an instruction, where the register stops the machine. */
  addTrap(site: OverflowSite): void {
    if (this.trapped === null || compareTraps(site, this.trapped) < 0) this.trapped = site;
  }

  /** The earliest trap of the image. */
  get trap(): OverflowSite | null {
    return this.trapped;
  }

  completeImage(): void {
    this.completed = mergeEvidence(this.completed, this.current);
    for (const [index, count] of this.currentCounts.entries()) {
      this.completedCounts[index] = (this.completedCounts[index] ?? 0) + count;
    }
    this.currentCounts.fill(0);
    this.current = emptyLayers(this.layerCount);
    this.images++;
  }

  /** One entry per layer; `present` names the registers that quantize in each image. */
  result(present: readonly ReadonlySet<EvidenceRegister>[]): LayerEvidence[] {
    if (this.images === 0) return emptyLayers(this.layerCount);
    return this.completed.map((layer, index) => {
      const evidence: MutableLayerEvidence = {};
      for (const register of EVIDENCE_REGISTERS) {
        if (!present[index]?.has(register)) continue;
        const { overflow, first, statistics } = layer[register] ?? { overflow: 0, first: null, statistics: null };
        const counted = this.completedCounts[index * EVIDENCE_REGISTERS.length + RANK[register]] ?? 0;
        evidence[register] = { overflow: overflow + counted, first, statistics };
      }
      return evidence;
    });
  }
}

function emptyLayers(count: number): MutableLayerEvidence[] {
  return Array.from({ length: count }, () => ({}));
}

/** Order in which traps stop the machine: by cycle, instruction, row, column, register. */
function compareTraps(a: OverflowSite, b: OverflowSite): number {
  return (
    a.cycle - b.cycle ||
    a.instruction - b.instruction ||
    a.row - b.row ||
    a.column - b.column ||
    RANK[a.register] - RANK[b.register]
  );
}
