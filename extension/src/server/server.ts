/** The life of the language server: started for the first model file, restarted on demand, never in an untrusted workspace. */
import { EventEmitter, workspace, type Disposable, type ExtensionContext, type LogOutputChannel } from "vscode";
import { State, type LanguageClient } from "vscode-languageclient/node";
import { offerLog, type InterpreterResolver, type Resolution } from "../interpreter/resolve";
import { Serial } from "../serial";
import { createClient } from "./client";
import { Crashes } from "./crashes";

export type ServerState =
  | { readonly kind: "idle" }
  | { readonly kind: "untrusted" }
  | { readonly kind: "starting" }
  | { readonly kind: "running"; readonly python: string; readonly source: string }
  | { readonly kind: "missing"; readonly message: string }
  | { readonly kind: "failed"; readonly message: string };

type Attach = (client: LanguageClient) => Disposable;

export class Server implements Disposable {
  readonly #context: ExtensionContext;
  readonly #log: LogOutputChannel;
  readonly #interpreters: InterpreterResolver;
  readonly #secrets: () => Promise<Readonly<Record<string, string>>>;
  readonly #serial = new Serial();
  readonly #crashes = new Crashes();
  readonly #changed = new EventEmitter<ServerState>();
  readonly #attachments = new Set<Attach>();
  #attached: Disposable[] = [];
  #client: LanguageClient | undefined;
  #state: ServerState = { kind: "idle" };

  readonly onDidChangeState = this.#changed.event;

  constructor(
    context: ExtensionContext,
    log: LogOutputChannel,
    interpreters: InterpreterResolver,
    secrets: () => Promise<Readonly<Record<string, string>>>,
  ) {
    this.#context = context;
    this.#log = log;
    this.#interpreters = interpreters;
    this.#secrets = secrets;
  }

  get state(): ServerState {
    return this.#state;
  }

  /** The connection, if there is one. */
  get client(): LanguageClient | undefined {
    return this.#client?.state === State.Running ? this.#client : undefined;
  }

  /** Has something listen to every client that is started, beginning with the one there is. */
  attach(attach: Attach): void {
    this.#attachments.add(attach);
    if (this.#client) this.#attached.push(attach(this.#client));
  }

  /** Starts the server unless it runs. `asked` for by a person: then the prompt about the package comes again. */
  async ensure({ asked }: { readonly asked: boolean }): Promise<LanguageClient | undefined> {
    const gaveUp = this.#state.kind === "missing" || this.#state.kind === "failed";
    if (asked || !gaveUp) await this.#serial.run("start", () => this.#start(asked));
    return this.client;
  }

  /** Starts the server anew, with the interpreter as it is configured now. */
  async restart({ asked }: { readonly asked: boolean }): Promise<void> {
    this.#crashes.forget();
    await this.#serial.run("restart", async () => {
      await this.#stop();
      await this.#start(asked);
    });
  }

  /** Restarts it only if another interpreter would be taken now: the Python extensions tell of changes that are none. */
  async interpreterMayHaveChanged(): Promise<void> {
    if (this.#state.kind === "missing" || this.#state.kind === "failed") return this.restart({ asked: false });
    if (this.#state.kind !== "running") return undefined;
    const { python } = this.#state;
    const resolution = await this.#interpreters.resolve({ again: false });
    if (resolution.kind === "ready" && resolution.interpreter.executable !== python)
      await this.restart({ asked: false });
    return undefined;
  }

  async stop(): Promise<void> {
    await this.#serial.run("stop", () => this.#stop());
  }

  dispose(): void {
    this.#changed.dispose();
    void this.stop();
  }

  async #start(asked: boolean): Promise<void> {
    if (this.#client) return;
    if (!workspace.isTrusted) {
      this.#become({ kind: "untrusted" });
      return;
    }
    this.#become({ kind: "starting" });
    let resolution: Resolution;
    try {
      resolution = await this.#interpreters.resolve({ again: asked });
    } catch (error) {
      this.#fail(error);
      return;
    }
    if (resolution.kind === "missing") {
      this.#become(resolution);
      return;
    }
    await this.#connect(resolution.interpreter.executable, resolution.source);
  }

  async #connect(python: string, source: string): Promise<void> {
    this.#log.info(`server: ${python} (${source})`);
    const client = createClient({
      python,
      folder: this.#context.globalStorageUri.fsPath,
      secrets: await this.#secrets(),
      log: this.#log,
      onClosed: () => this.#closed(client),
    });
    this.#client = client;
    this.#attached = [
      client.onDidChangeState(({ newState }) => {
        if (newState === State.Running) this.#become({ kind: "running", python, source });
      }),
      ...[...this.#attachments].map((attach) => attach(client)),
    ];
    try {
      await client.start();
    } catch (error) {
      await this.#stop();
      this.#fail(error);
    }
  }

  /** A connection that is lost before it was there is told by `start`, and one that is ended is no longer ours. */
  #closed(client: LanguageClient): void {
    if (client !== this.#client || this.#state.kind !== "running") return;
    const again = this.#crashes.add(Date.now());
    this.#log.error(`server: ended unexpectedly${again ? ", is started anew" : ""}`);
    if (!again) this.#fail(new Error("it ended several times within three minutes"));
    void this.#serial.run("restart", async () => {
      await this.#stop();
      if (again) await this.#start(false);
    });
  }

  #fail(error: unknown): void {
    const message = `The language server could not be run: ${error instanceof Error ? error.message : String(error)}`;
    this.#log.error(message);
    this.#become({ kind: "failed", message });
    void offerLog(message, this.#log);
  }

  async #stop(): Promise<void> {
    const client = this.#client;
    this.#client = undefined;
    for (const attached of this.#attached) attached.dispose();
    this.#attached = [];
    if (this.#state.kind === "running") this.#become({ kind: "idle" });
    await client?.dispose(2000).catch((error: unknown) => this.#log.warn(`server: ${String(error)}`));
  }

  #become(state: ServerState): void {
    this.#state = state;
    this.#changed.fire(state);
  }
}
