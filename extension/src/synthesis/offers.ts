/** Programs that are offered for a file: shown as a diff, accepted as one undo step, or left. */

import { commands, type Disposable, TabInputTextDiff, Uri, window, workspace, type WorkspaceEdit } from "vscode";

import type { Extras } from "../progress";
import { type Programs, replaceText, showDiff, showFile } from "../webviews/host/programs";

export interface Offer {
  readonly file: Uri;
  /** The version of the file that the program was made from. */
  readonly version: number;
  readonly program: string;
  /** From that version to the program; undefined where the whole text is replaced. */
  readonly edit: WorkspaceEdit | undefined;
  /** What is known about it, as a sentence. */
  readonly message: string;
  /** A name for the diff, in a few words. */
  readonly title: string;
}

const APPLY = "Apply";
const DISCARD = "Discard";

export class Offers implements Disposable {
  readonly #programs: Programs;
  readonly #open = new Map<string, Offer>();
  readonly #disposables: Disposable[];
  #made = 0;

  constructor(programs: Programs) {
    this.#programs = programs;
    this.#disposables = [
      commands.registerCommand("cwm.applyProgram", (uri: unknown) => this.#withShown(uri, (key) => this.#apply(key))),
      commands.registerCommand("cwm.discardProgram", (uri: unknown) => this.#withShown(uri, (key) => this.#leave(key))),
      // Whoever closes the diff has answered.
      workspace.onDidCloseTextDocument(({ uri }) => this.#open.delete(uri.toString())),
    ];
  }

  /** Shows the diff, and asks whether to apply it; the buttons of the diff editor answer too. */
  async make(offer: Offer, extras: Extras = {}): Promise<void> {
    this.#made += 1;
    const shown = this.#programs.add(
      `offer-${this.#made}/${offer.file.path.split("/").at(-1) ?? "model.py"}`,
      offer.program,
    );
    const key = shown.toString();
    this.#open.set(key, offer);
    await showDiff(offer.file, shown, offer.title);
    const answer = await window.showInformationMessage(offer.message, APPLY, DISCARD, ...Object.keys(extras));
    if (answer === APPLY) await this.#apply(key);
    else if (answer === DISCARD) await this.#leave(key);
    else if (answer !== undefined) await extras[answer]?.();
  }

  dispose(): void {
    for (const disposable of this.#disposables) disposable.dispose();
  }

  async #withShown(named: unknown, act: (key: string) => Promise<void>): Promise<void> {
    const input = window.tabGroups.activeTabGroup.activeTab?.input;
    const active = input instanceof TabInputTextDiff ? input.modified.toString() : undefined;
    const key = named instanceof Uri && this.#open.has(named.toString()) ? named.toString() : active;
    if (key !== undefined && this.#open.has(key)) await act(key);
    else void window.showWarningMessage("There is no program here that could be applied.");
  }

  async #apply(key: string): Promise<void> {
    const offer = this.#open.get(key);
    if (!offer) {
      void window.showWarningMessage("The diff was closed, so there is nothing left to apply.");
      return;
    }
    const { file, version, edit, program } = offer;
    const document = await workspace.openTextDocument(file);
    const unchanged = document.version === version;
    if (!unchanged && !(await this.#agreed(document.uri))) return;
    const done = unchanged && edit ? await workspace.applyEdit(edit) : await replaceText(file, program);
    if (!done) {
      void window.showErrorMessage(`${file.fsPath} could not be changed.`);
      return;
    }
    await this.#leave(key);
    await showFile(document);
  }

  async #agreed(file: Uri): Promise<boolean> {
    const replace = "Replace it";
    const name = file.path.split("/").at(-1) ?? file.path;
    const answer = await window.showWarningMessage(
      `${name} was edited since. Replace it with the program all the same? Undo brings your edits back.`,
      { modal: true },
      replace,
    );
    return answer === replace;
  }

  async #leave(key: string): Promise<void> {
    this.#open.delete(key);
    const tabs = window.tabGroups.all.flatMap((group) => group.tabs);
    const shown = tabs.filter(({ input }) => input instanceof TabInputTextDiff && input.modified.toString() === key);
    await window.tabGroups.close(shown);
  }
}
