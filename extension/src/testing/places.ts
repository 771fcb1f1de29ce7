/** Where things are in the text of a model. */

/** The line, from 0, on which a model begins; 0 where it is not found. */
export function modelLine(text: string, model: string | null): number {
  const name = model ?? String.raw`\w+`;
  const pattern = new RegExp(String.raw`^(?:class[ \t]+${name}\b|def[ \t]+${name}[ \t]*\()`);
  const line = text.split("\n").findIndex((candidate) => pattern.test(candidate));
  return Math.max(line, 0);
}

interface ReportDocument {
  readonly models?: readonly {
    readonly class: string | null;
    readonly findings: readonly {
      readonly line: number;
      readonly fields: readonly string[];
      readonly message: string;
    }[];
  }[];
}

/** The line, from 0, that a report blames for a wrong field; undefined where it blames none. */
export function blamedLine(report: unknown, model: string | null, fields: readonly string[]): number | undefined {
  const found = (report as ReportDocument).models?.find((candidate) => model === null || candidate.class === model);
  const finding = found?.findings.find((candidate) => candidate.fields.some((field) => fields.includes(field)));
  return finding && finding.line - 1;
}
