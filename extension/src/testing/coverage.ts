/** Which lines of a model its trajectories execute, as the editor shows coverage. */
import { FileCoverage, Range, StatementCoverage, type TextDocument } from "vscode";
import type { LanguageClient } from "vscode-languageclient/node";
import { LINES, type LinesParams, type LinesResult } from "../shared/messages";

/** The coverage of a file; its lines are kept for when they are looked at. */
export class ModelCoverage extends FileCoverage {
  readonly details: readonly StatementCoverage[];

  constructor(document: TextDocument, { lines }: LinesResult) {
    const executed = lines.filter(({ transitions }) => transitions > 0).length;
    super(document.uri, { covered: executed, total: lines.length });
    const whole = lines.filter(({ line }) => line <= document.lineCount);
    this.details = whole.map(({ line, transitions }) => {
      const { range, firstNonWhitespaceCharacterIndex } = document.lineAt(line - 1);
      return new StatementCoverage(
        transitions,
        new Range(line - 1, firstNonWhitespaceCharacterIndex, line - 1, range.end.character),
      );
    });
  }
}

/** Asks which lines the last check has executed; undefined where that is not known. */
export async function coverageOf(client: LanguageClient, document: TextDocument): Promise<ModelCoverage | undefined> {
  const params: LinesParams = { uri: document.uri.toString() };
  const found = await client.sendRequest<LinesResult>(LINES, params);
  return found.lines.length ? new ModelCoverage(document, found) : undefined;
}
