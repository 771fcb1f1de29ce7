/** The transitions of a report that are predicted wrongly. */

export interface Mismatch {
  readonly model: string | null;
  readonly episode: number;
  readonly step: number;
  readonly code: string;
  readonly message: string;
  /** The fields that differ. */
  readonly differs: string;
}

interface ReportDocument {
  readonly models?: readonly {
    readonly class: string | null;
    readonly findings: readonly {
      readonly code: string;
      readonly message: string;
      readonly examples: readonly {
        readonly episode: number;
        readonly step: number;
        readonly differs: readonly string[];
      }[];
    }[];
  }[];
}

/** Lists the examples of all findings, the most telling finding first, each transition once. */
export function mismatches(report: unknown): readonly Mismatch[] {
  const found = new Map<string, Mismatch>();
  for (const model of (report as ReportDocument).models ?? []) {
    for (const { code, message, examples } of model.findings) {
      for (const { episode, step, differs } of examples) {
        const key = `${model.class} ${episode} ${step}`;
        if (!found.has(key))
          found.set(key, { model: model.class, episode, step, code, message, differs: differs.join(", ") });
      }
    }
  }
  return [...found.values()];
}
