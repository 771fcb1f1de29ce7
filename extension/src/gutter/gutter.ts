/** Marks beside the lines of a model: what the transitions that execute them come to, and what none executes. */
import {
  type ExtensionContext,
  Range,
  type TextEditor,
  type TextEditorDecorationType,
  Uri,
  window,
  workspace,
  type Disposable,
} from "vscode";
import type { Server } from "../server/server";
import { SECTION } from "../settings";
import { LINES, type LinesParams, type LinesResult, type StatusParams } from "../shared/messages";
import type { Status } from "../status/status";
import { type Mark, marked, MARKS } from "./marks";

/** Typing is not disturbed by marks that come and go. */
const QUIET_MILLISECONDS = 400;

export class Gutter implements Disposable {
  readonly #server: Server;
  readonly #types: ReadonlyMap<Mark, TextEditorDecorationType>;
  readonly #known = new Map<string, LinesResult>();
  readonly #timers = new Map<string, NodeJS.Timeout>();
  readonly #disposables: Disposable[];

  constructor(context: ExtensionContext, server: Server, status: Status) {
    this.#server = server;
    this.#types = new Map(MARKS.map((mark) => [mark, decoration(context.extensionUri, mark)]));
    this.#disposables = [
      ...this.#types.values(),
      status.onDidChange((news) => this.#take(news)),
      window.onDidChangeVisibleTextEditors((editors) => editors.forEach((editor) => this.#show(editor))),
      workspace.onDidCloseTextDocument(({ uri }) => this.#known.delete(uri.toString())),
      workspace.onDidChangeConfiguration((change) => {
        if (change.affectsConfiguration(SECTION)) window.visibleTextEditors.forEach((editor) => this.#show(editor));
      }),
    ];
  }

  dispose(): void {
    for (const timer of this.#timers.values()) clearTimeout(timer);
    for (const disposable of this.#disposables) disposable.dispose();
  }

  /** Asks for the lines of a file once its check has been complete for a moment. */
  #take({ uri, state }: StatusParams): void {
    clearTimeout(this.#timers.get(uri));
    // Where nothing was run, what was known before still holds.
    if (state === "checking" || state === "notRun" || state === "stopped") return;
    this.#timers.set(
      uri,
      setTimeout(() => {
        this.#timers.delete(uri);
        void this.#ask(uri);
      }, QUIET_MILLISECONDS),
    );
  }

  async #ask(uri: string): Promise<void> {
    const params: LinesParams = { uri };
    try {
      const result = await this.#server.client?.sendRequest<LinesResult>(LINES, params);
      if (!result) return;
      this.#known.set(uri, result);
    } catch {
      // A file that was closed or whose check was ended meanwhile; the next check asks again.
      return;
    }
    for (const editor of window.visibleTextEditors) this.#show(editor);
  }

  #show(editor: TextEditor): void {
    const known = this.#known.get(editor.document.uri.toString());
    if (known && known.version !== editor.document.version) return;
    const wanted = workspace.getConfiguration(SECTION, editor.document).get<boolean>("gutterMarks", true);
    const lines = known && wanted ? marked(known.lines) : undefined;
    for (const [mark, type] of this.#types) {
      const ranges = (lines?.get(mark) ?? []).map((line) => new Range(line, 0, line, 0));
      if (known) editor.setDecorations(type, ranges);
    }
  }
}

function decoration(extension: Uri, mark: Mark): TextEditorDecorationType {
  const icon = (theme: string): Uri => Uri.joinPath(extension, "extension", "media", "gutter", `${mark}-${theme}.svg`);
  return window.createTextEditorDecorationType({
    light: { gutterIconPath: icon("light") },
    dark: { gutterIconPath: icon("dark") },
    gutterIconSize: "contain",
  });
}
