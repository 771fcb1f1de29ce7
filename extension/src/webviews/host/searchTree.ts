/** The search trees in panels of VS Code, one a run. */

import { Uri, ViewColumn, window, type Disposable, type WebviewPanel } from "vscode";

import { merge, type SearchNode, type SearchTree } from "../../shared/searchTree";
import type { SearchMessage, ShowSearch } from "../../shared/webviews";
import { options, page } from "./page";
import { replaceText, showDiff, type Programs } from "./programs";

const VIEW = "cwm.searchTree";

/** What a panel cannot know by itself. */
export interface SearchSource {
  /** The file that is searched for; undefined where it is not known, as for runs of long ago. */
  readonly file: Uri | undefined;
  /** Stops the search; undefined where none is going on. */
  readonly stop: (() => void) | undefined;
}

export class SearchTrees implements Disposable {
  readonly #extension: Uri;
  readonly #programs: Programs;
  readonly #panels = new Map<string, SearchTreePanel>();

  /** @param extension Where the extension is installed. */
  constructor(extension: Uri, programs: Programs) {
    this.#extension = extension;
    this.#programs = programs;
  }

  /** Shows a run as it is now in its panel; opens one if there is none, unless `quietly`. */
  show(news: SearchTree, source: SearchSource, { quietly = false } = {}): void {
    const known = this.#panels.get(news.run);
    if (known) {
      known.show(news, source);
      if (!quietly) known.reveal();
      return;
    }
    if (quietly) return;
    const panel = new SearchTreePanel(this.#extension, this.#programs, () => this.#panels.delete(news.run));
    this.#panels.set(news.run, panel);
    panel.show(news, source);
  }

  dispose(): void {
    for (const panel of this.#panels.values()) panel.dispose();
  }
}

class SearchTreePanel {
  readonly #panel: WebviewPanel;
  readonly #programs: Programs;
  #tree: SearchTree | null = null;
  #source: SearchSource = { file: undefined, stop: undefined };
  #listens = false;

  constructor(extension: Uri, programs: Programs, onClose: () => void) {
    this.#programs = programs;
    const place = { viewColumn: ViewColumn.Beside, preserveFocus: true };
    this.#panel = window.createWebviewPanel(VIEW, "Search tree", place, options(extension));
    this.#panel.webview.html = page(this.#panel.webview, extension, "search-tree");
    this.#panel.webview.onDidReceiveMessage((message: SearchMessage) => void this.#take(message));
    this.#panel.onDidChangeViewState(({ webviewPanel }) => {
      // A hidden page is thrown away; the one that comes in its place asks for everything.
      if (!webviewPanel.visible) this.#listens = false;
    });
    this.#panel.onDidDispose(() => {
      this.#listens = false;
      onClose();
    });
  }

  show(news: SearchTree, source: SearchSource): void {
    this.#tree = merge(this.#tree, news);
    this.#source = source;
    this.#panel.title = `Search: ${news.file?.split("/").at(-1) ?? news.run}`;
    if (this.#listens) this.#post(news);
  }

  reveal(): void {
    this.#panel.reveal(undefined, true);
  }

  dispose(): void {
    this.#panel.dispose();
  }

  #post(tree: SearchTree): void {
    const { file, stop } = this.#source;
    const message: ShowSearch = { type: "show", tree, running: stop !== undefined, usable: file !== undefined };
    void this.#panel.webview.postMessage(message);
  }

  async #take(message: SearchMessage): Promise<void> {
    if (message.type === "ready") {
      this.#listens = true;
      if (this.#tree) this.#post(this.#tree);
    } else if (message.type === "stop") {
      this.#source.stop?.();
    } else {
      const node = this.#tree?.nodes.find(({ id }) => id === message.node);
      if (!node || node.program === null) return;
      if (message.type === "diff") await this.#diff(node);
      else await this.#use(node.program);
    }
  }

  async #diff(node: SearchNode): Promise<void> {
    const parent = this.#tree?.nodes.find(({ id }) => id === node.parent);
    const before = this.#document(parent?.id ?? 0, parent?.program ?? "");
    const after = this.#document(node.id, node.program ?? "");
    await showDiff(before, after, parent ? `Program ${parent.id} \u2194 ${node.id}` : `Program ${node.id}`);
  }

  /** Puts the program into the file. */
  async #use(program: string): Promise<void> {
    const { file } = this.#source;
    if (file && !(await replaceText(file, program))) {
      void window.showErrorMessage(`The file ${file.fsPath} could not be changed.`);
    }
  }

  #document(id: number, text: string): Uri {
    return this.#programs.add(`${this.#tree?.run ?? "run"}/${id}/${this.#tree?.file ?? "model.py"}`, text);
  }
}
