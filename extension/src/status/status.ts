/** The language status items: where the check of the file stands, the run mode, and the log. */
import {
  EventEmitter,
  languages,
  LanguageStatusSeverity,
  window,
  type Disposable,
  type DocumentSelector,
  type LanguageStatusItem,
  type LogOutputChannel,
} from "vscode";
import type { Server } from "../server/server";
import { runMode } from "../settings";
import { STATUS, type StatusParams } from "../shared/messages";
import { serverWords, wordsOf, type Words } from "./words";

const PYTHON: DocumentSelector = [{ language: "python" }];
const SEVERITY = {
  information: LanguageStatusSeverity.Information,
  warning: LanguageStatusSeverity.Warning,
  error: LanguageStatusSeverity.Error,
};
const RUN_WORDS = { onType: "while typing", onSave: "when saved", manual: "on demand" };

export class Status implements Disposable {
  readonly #server: Server;
  readonly #files = new Map<string, StatusParams>();
  readonly #state: LanguageStatusItem;
  readonly #run: LanguageStatusItem;
  readonly #disposables: Disposable[];
  readonly #changed = new EventEmitter<StatusParams>();
  /** The file that the items tell of. */
  #shown: string | undefined;

  /** Tells each change of what is known about a file. */
  readonly onDidChange = this.#changed.event;

  constructor(server: Server, log: LogOutputChannel) {
    this.#server = server;
    this.#state = item("state", "Code World Models");
    this.#run = item("run", "Code World Models: when to check");
    const logItem = item("log", "Code World Models: log");
    logItem.text = "CWM log";
    logItem.command = { title: "Show", command: "cwm.showLog" };
    server.attach((client) =>
      client.onNotification(STATUS, (status: StatusParams) => {
        this.#files.set(status.uri, status);
        log.debug(`status: ${status.state} of ${status.uri}, version ${status.version}`);
        this.#show();
        this.#changed.fire(status);
      }),
    );
    this.#disposables = [
      this.#changed,
      this.#state,
      this.#run,
      logItem,
      server.onDidChangeState((state) => {
        if (state.kind !== "running") this.#files.clear();
        this.#show();
      }),
      window.onDidChangeActiveTextEditor(() => this.#show()),
    ];
    this.#show();
  }

  /** What is known about a file. */
  of(uri: string): StatusParams | undefined {
    return this.#files.get(uri);
  }

  dispose(): void {
    for (const disposable of this.#disposables) disposable.dispose();
  }

  #show(): void {
    const document = window.activeTextEditor?.document;
    // The log is an editor too; the items go on telling of the file above it.
    if (!document || document.uri.scheme !== "output") this.#shown = document?.uri.toString();
    const uri = this.#shown;
    const status = uri === undefined ? undefined : this.#files.get(uri);
    const words = serverWords(this.#server.state) ?? (status ? wordsOf(status) : NOTHING);
    this.#state.text = words.text;
    this.#state.detail = words.detail;
    this.#state.severity = SEVERITY[words.level];
    this.#state.busy = words.busy;
    const command = this.#command();
    if (command) this.#state.command = command;
    this.#run.text = `CWM checks ${RUN_WORDS[status?.run ?? runMode()]}`;
    this.#run.command = { title: "Change", command: "cwm.selectRunMode" };
  }

  #command(): { readonly title: string; readonly command: string } | undefined {
    switch (this.#server.state.kind) {
      case "untrusted":
        return { title: "Manage trust", command: "workbench.trust.manage" };
      case "missing":
        return { title: "Set up", command: "cwm.restart" };
      case "failed":
        return { title: "Restart", command: "cwm.restart" };
      default:
        return { title: "Check", command: "cwm.check" };
    }
  }
}

const NOTHING: Words = { text: "CWM", detail: "Not a world model", level: "information", busy: false };

function item(id: string, name: string): LanguageStatusItem {
  const created = languages.createLanguageStatusItem(`cwm.${id}`, PYTHON);
  created.name = name;
  return created;
}
