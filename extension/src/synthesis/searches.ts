/** The searches that are going on, and those that are shown. */

import { type Disposable, Uri } from "vscode";
import type { LanguageClient } from "vscode-languageclient/node";

import type { SearchEventParams } from "../shared/messages";
import { SEARCH_EVENT } from "../shared/messages";
import { merge, type SearchTree } from "../shared/searchTree";
import type { SearchTrees } from "../webviews/host/searchTree";

/** One that is going on, or has gone on in this window. */
export interface Search {
  /** Undefined where it is not known any more. */
  readonly file: Uri | undefined;
  readonly tree: SearchTree;
  readonly stop: (() => void) | undefined;
}

export class Searches {
  readonly #panels: SearchTrees;
  readonly #stops = new Map<string, () => void>();
  readonly #known = new Map<string, Search>();

  constructor(panels: SearchTrees) {
    this.#panels = panels;
  }

  /** Listens to a server. */
  attach(client: LanguageClient): Disposable {
    return client.onNotification(SEARCH_EVENT, (event: SearchEventParams) => this.#take(event));
  }

  /** A search of a file begins; returns what to call when it has ended. */
  begin(file: Uri, stop: () => void): Disposable {
    const key = file.toString();
    this.#stops.set(key, stop);
    return {
      dispose: () => {
        this.#stops.delete(key);
        const search = this.latest(file);
        if (search) this.#keep({ ...search, stop: undefined });
      },
    };
  }

  isRunning(file: Uri): boolean {
    return this.#stops.has(file.toString());
  }

  /** The searches of this window, the latest first. */
  get all(): readonly Search[] {
    return [...this.#known.values()].toReversed();
  }

  /** The latest search of a file. */
  latest(file: Uri): Search | undefined {
    return this.all.find((search) => search.file?.toString() === file.toString());
  }

  /** Opens the panel of a search. */
  show({ tree, file, stop }: Search): void {
    this.#panels.show(tree, { file, stop });
  }

  #take(event: SearchEventParams): void {
    const file = Uri.parse(event.uri);
    const known = this.#known.get(event.run);
    const tree = merge(known?.tree ?? null, event.tree as unknown as SearchTree);
    const stop = event.kind === "ended" ? undefined : this.#stops.get(file.toString());
    this.#keep({ file, tree, stop });
  }

  #keep(search: Search): void {
    this.#known.delete(search.tree.run);
    this.#known.set(search.tree.run, search);
    this.#panels.show(search.tree, search, { quietly: true });
  }
}
