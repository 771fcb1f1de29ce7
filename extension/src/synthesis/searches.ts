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

/** A search that was begun here and goes on. */
interface Running {
  readonly stop: () => void;
  /** The name of its run, once it has been heard of. */
  run: string | undefined;
  /** Whether its panel is to be opened as soon as there is something to show. */
  awaited: boolean;
}

export class Searches {
  readonly #panels: SearchTrees;
  readonly #running = new Map<string, Running>();
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
    const running: Running = { stop, run: undefined, awaited: false };
    this.#running.set(file.toString(), running);
    return {
      dispose: () => {
        this.#running.delete(file.toString());
        const search = running.run === undefined ? undefined : this.#known.get(running.run);
        if (search) this.#keep({ ...search, stop: undefined });
      },
    };
  }

  isRunning(file: Uri): boolean {
    return this.#running.has(file.toString());
  }

  /** The searches of this window, the latest first. */
  get all(): readonly Search[] {
    return [...this.#known.values()].toReversed();
  }

  /** Opens the panel of a search. */
  show({ tree, file, stop }: Search): void {
    this.#panels.show(tree, { file, stop });
  }

  /** Opens the panel of the search of a file that goes on, soon; else that of its last one. */
  showLatest(file: Uri): void {
    const running = this.#running.get(file.toString());
    const last = this.all.find((search) => search.file?.toString() === file.toString());
    const search = running ? this.#known.get(running.run ?? "") : last;
    if (search) this.show(search);
    else if (running) running.awaited = true;
  }

  #take(event: SearchEventParams): void {
    const file = Uri.parse(event.uri);
    const tree = merge(this.#known.get(event.run)?.tree ?? null, event.tree as unknown as SearchTree);
    const running = this.#running.get(file.toString());
    if (running) running.run ??= event.run;
    const own = running?.run === event.run ? running : undefined;
    const search = { file, tree, stop: event.kind === "ended" ? undefined : own?.stop };
    this.#keep(search);
    if (own?.awaited) {
      own.awaited = false;
      this.show(search);
    }
  }

  #keep(search: Search): void {
    this.#known.delete(search.tree.run);
    this.#known.set(search.tree.run, search);
    this.#panels.show(search.tree, search, { quietly: true });
  }
}
