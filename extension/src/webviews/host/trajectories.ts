/** The trajectory viewer in a panel of VS Code, one a file; it follows the file as it is edited and checked. */

import { commands, type Uri, ViewColumn, window, workspace, type Disposable, type WebviewPanel } from "vscode";

import type { Dataset, Episode, Image } from "../../shared/trajectories";
import type { TrajectoryMessage, TrajectoryNews } from "../../shared/webviews";
import { options, page } from "./page";
import type { Place } from "./places";

const VIEW = "cwm.trajectories";

/** Where the viewer gets its data from; each may fail with a message for the user. */
export interface TrajectorySource {
  /** @param check Whether to check the file where nothing is known of it. */
  dataset(
    uri: Uri,
    model: string | null,
    check: boolean,
  ): Promise<{ readonly models: readonly string[]; readonly dataset: Dataset }>;
  episode(uri: Uri, model: string | null, episode: number, start: number): Promise<Episode>;
  images(uri: Uri, model: string | null, episode: number, step: number): Promise<readonly Image[]>;
}

export class Trajectories implements Disposable {
  readonly #extension: Uri;
  readonly #source: TrajectorySource;
  readonly #panels = new Map<string, TrajectoryPanel>();

  /** @param extension Where the extension is installed. */
  constructor(extension: Uri, source: TrajectorySource) {
    this.#extension = extension;
    this.#source = source;
  }

  /** Shows the trajectories of a model file, at a place if one is given. */
  show(file: Uri, place: Place | null = null): void {
    const key = file.toString();
    let panel = this.#panels.get(key);
    if (!panel) {
      panel = new TrajectoryPanel(this.#extension, this.#source, file, () => this.#panels.delete(key));
      this.#panels.set(key, panel);
    }
    panel.reveal(place);
  }

  /** To be called when a file begins to be checked. */
  checking(file: string): void {
    this.#panels.get(file)?.checking();
  }

  /** To be called when the check of a file has ended; `problem` says why there is nothing to show. */
  checked(file: string, problem: string | undefined): void {
    this.#panels.get(file)?.checked(problem);
  }

  dispose(): void {
    for (const panel of this.#panels.values()) panel.dispose();
  }
}

class TrajectoryPanel {
  readonly #panel: WebviewPanel;
  readonly #source: TrajectorySource;
  readonly #file: Uri;
  #model: string | null = null;
  /** The model that is shown where none was chosen. */
  #shown: string | null = null;
  /** Where to begin, if it was asked for. */
  #place: Place | null = null;
  /** Where the page was when it was thrown away. */
  #last: Place | null = null;
  #listens = false;

  constructor(extension: Uri, source: TrajectorySource, file: Uri, onClose: () => void) {
    this.#source = source;
    this.#file = file;
    const title = `Trajectories: ${this.#name}`;
    this.#panel = window.createWebviewPanel(VIEW, title, ViewColumn.Beside, options(extension));
    this.#panel.webview.html = page(this.#panel.webview, extension, "trajectories");
    this.#panel.webview.onDidReceiveMessage((message: TrajectoryMessage) => void this.#take(message));
    this.#panel.onDidChangeViewState(({ webviewPanel }) => {
      if (!webviewPanel.visible) this.#listens = false;
    });
    this.#panel.onDidDispose(() => {
      this.#listens = false;
      onClose();
    });
  }

  reveal(place: Place | null): void {
    this.#place = place;
    this.#model = place?.model ?? this.#model;
    this.#panel.reveal(undefined, true);
    if (place && this.#listens) void this.#refresh();
  }

  checking(): void {
    if (this.#listens) this.#post({ type: "stale" });
  }

  checked(problem: string | undefined): void {
    if (!this.#listens) return;
    if (problem !== undefined) this.#post({ type: "problem", message: problem });
    // Not by another check, whose end would be told here again.
    else void this.#refresh({ check: false });
  }

  dispose(): void {
    this.#panel.dispose();
  }

  get #name(): string {
    return this.#file.path.split("/").at(-1) ?? this.#file.path;
  }

  async #take(message: TrajectoryMessage): Promise<void> {
    if (message.type === "ready") {
      this.#listens = true;
      this.#place ??= this.#last;
      await this.#refresh();
    } else if (message.type === "model") {
      this.#model = message.model;
      await this.#refresh();
    } else if (message.type === "debug") {
      const { episode, step } = message;
      const model = this.#model ?? this.#shown;
      const request = { uri: this.#file.toString(), episode, step, ...(model !== null && { model }) };
      await commands.executeCommand("cwm.debugMismatch", request);
    } else {
      await this.#guarded(() => this.#answer(message));
    }
  }

  async #answer(message: Extract<TrajectoryMessage, { readonly type: "episode" | "images" }>): Promise<void> {
    if (message.type === "episode") {
      const episode = await this.#source.episode(this.#file, this.#model, message.episode, message.start);
      this.#post({ type: "episode", episode });
    } else {
      const { episode, step } = message;
      this.#last = { model: this.#model, episode, step };
      const images = await this.#source.images(this.#file, this.#model, episode, step);
      this.#post({ type: "images", episode, step, images });
    }
  }

  async #refresh({ check = true } = {}): Promise<void> {
    await this.#guarded(async () => {
      // Only open files are checked; one that is open in no editor is opened for that.
      await workspace.openTextDocument(this.#file);
      const { models, dataset } = await this.#source.dataset(this.#file, this.#model, check);
      this.#shown = dataset.model;
      this.#post({ type: "dataset", file: this.#name, models, dataset, at: this.#place });
      this.#place = null;
    });
  }

  async #guarded(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      this.#post({ type: "problem", message: error instanceof Error ? error.message : String(error) });
    }
  }

  #post(news: TrajectoryNews): void {
    // Answers may come after the page was hidden or closed.
    if (this.#listens) void this.#panel.webview.postMessage(news);
  }
}
