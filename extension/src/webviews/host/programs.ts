/** Programs that are no files: shown beside each other in the diff editor, and put into a file as one undo step. */

import {
  commands,
  Uri,
  Range,
  window,
  workspace,
  WorkspaceEdit,
  TabInputText,
  ViewColumn,
  type Disposable,
  type TextDocument,
  type TextDocumentContentProvider,
} from "vscode";

const SCHEME = "cwm-program";

export class Programs implements TextDocumentContentProvider, Disposable {
  readonly #texts = new Map<string, string>();
  readonly #disposables: readonly Disposable[];

  constructor() {
    this.#disposables = [
      workspace.registerTextDocumentContentProvider(SCHEME, this),
      workspace.onDidCloseTextDocument(({ uri }) => this.#texts.delete(uri.toString())),
    ];
  }

  /**
   * A document that shows a program.
   *
   * @param path Its name, unique for this text, ending like a file of its language.
   */
  add(path: string, text: string): Uri {
    const uri = Uri.from({ scheme: SCHEME, path: `/${path}` });
    this.#texts.set(uri.toString(), text);
    return uri;
  }

  provideTextDocumentContent(uri: Uri): string {
    return this.#texts.get(uri.toString()) ?? "";
  }

  dispose(): void {
    for (const disposable of this.#disposables) disposable.dispose();
    this.#texts.clear();
  }
}

export async function showDiff(before: Uri, after: Uri, title: string): Promise<void> {
  // Not in the column of the page that may have asked for it, which would be covered.
  await commands.executeCommand("vscode.diff", before, after, title, { preview: true, viewColumn: ViewColumn.One });
}

/**
 * Puts a program into a file, open or not, in one step that can be undone; nothing is saved.
 *
 * @returns Whether it was done.
 */
export async function replaceText(file: Uri, text: string): Promise<boolean> {
  const document = await workspace.openTextDocument(file);
  const all = new Range(document.positionAt(0), document.positionAt(document.getText().length));
  const edit = new WorkspaceEdit();
  edit.replace(file, all, text);
  if (!(await workspace.applyEdit(edit))) return false;
  await showFile(document);
  return true;
}

/** Shows a file where it is open already, else in the first column. */
export async function showFile(document: TextDocument): Promise<void> {
  const key = document.uri.toString();
  const open = window.tabGroups.all.find(({ tabs }) =>
    tabs.some(({ input }) => input instanceof TabInputText && input.uri.toString() === key),
  );
  await window.showTextDocument(document, { preview: false, viewColumn: open?.viewColumn ?? ViewColumn.One });
}
