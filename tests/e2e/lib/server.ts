// Starts code-server on a free port of this machine with data that is thrown away.
import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { closeSync, cpSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";

const ENTRY = join(dirname(dirname(fileURLToPath(import.meta.url))), "node_modules/code-server/out/node/entry.js");

export interface ServerOptions {
  /** Folders that are copied into the workspace, by their name there ("." is the workspace itself). */
  readonly workspace: Readonly<Record<string, string>>;
  readonly vsix: readonly string[];
  readonly userSettings?: Readonly<Record<string, unknown>>;
  /** Settings of scope `machine` are read from here only, as in every remote window. */
  readonly machineSettings?: Readonly<Record<string, unknown>>;
  readonly environment?: Readonly<Record<string, string>>;
}

const USER_SETTINGS = {
  "extensions.autoCheckUpdates": false,
  "extensions.autoUpdate": false,
  "files.autoSave": "off",
  "files.simpleDialog.enable": true,
  "git.openRepositoryInParentFolders": "never",
  "security.workspace.trust.startupPrompt": "always",
  "telemetry.telemetryLevel": "off",
  "update.mode": "none",
  "window.dialogStyle": "custom",
  "workbench.enableExperiments": false,
  "workbench.secondarySideBar.defaultVisibility": "hidden",
  "workbench.startupEditor": "none",
  "workbench.tips.enabled": false,
};

export class Server {
  readonly origin: string;
  /** The folder that the workbench opens. */
  readonly workspace: string;
  readonly userData: string;
  readonly #folder: string;
  readonly #process: ChildProcess;
  readonly #log: number;

  private constructor(folder: string, port: number, child: ChildProcess, log: number) {
    this.origin = `http://127.0.0.1:${port}`;
    this.workspace = join(folder, "workspace");
    this.userData = join(folder, "data");
    this.#folder = folder;
    this.#process = child;
    this.#log = log;
  }

  static async start(options: ServerOptions): Promise<Server> {
    // Sockets lie in this folder, and their paths must be short.
    const folder = mkdtempSync(join(tmpdir(), "cwm-e2e-"));
    const [data, extensions, home] = ["data", "extensions", "home"].map((name) => join(folder, name)) as [
      string,
      string,
      string,
    ];
    for (const path of [join(data, "User"), join(data, "Machine"), extensions, home, join(folder, "workspace")])
      mkdirSync(path, { recursive: true });
    for (const [name, source] of Object.entries(options.workspace))
      cpSync(source, join(folder, "workspace", name), { recursive: true });
    writeFileSync(join(folder, "config.yaml"), "auth: none\n");
    writeFileSync(join(data, "User/settings.json"), JSON.stringify({ ...USER_SETTINGS, ...options.userSettings }));
    writeFileSync(join(data, "Machine/settings.json"), JSON.stringify(options.machineSettings ?? {}));

    // A closed set of variables: nothing of the person who runs the tests.
    const env = {
      PATH: process.env["PATH"] ?? "",
      HOME: home,
      LANG: "C.UTF-8",
      TMPDIR: tmpdir(),
      XDG_CACHE_HOME: home,
      XDG_CONFIG_HOME: home,
      XDG_DATA_HOME: home,
      XDG_RUNTIME_DIR: folder,
      DO_NOT_TRACK: "1",
      EXTENSIONS_GALLERY: "{}", // otherwise the marketplace is asked
      ...options.environment,
    };
    const common = ["--config", join(folder, "config.yaml"), "--user-data-dir", data, "--extensions-dir", extensions];
    for (const vsix of options.vsix)
      execFileSync(process.execPath, [ENTRY, ...common, "--install-extension", vsix, "--force"], {
        env,
        stdio: "pipe",
      });

    const port = await freePort();
    const log = openSync(join(folder, "server.log"), "w");
    const quiet = ["telemetry", "update-check", "getting-started-override", "proxy"].map((name) => `--disable-${name}`);
    const address = ["--auth", "none", "--bind-addr", `127.0.0.1:${port}`, "--ignore-last-opened"];
    // In a process group of its own, so that all its children can be ended with it.
    const child = spawn(process.execPath, [ENTRY, ...common, ...address, ...quiet], {
      env,
      stdio: ["ignore", log, log],
      detached: true,
    });
    const server = new Server(folder, port, child, log);
    await server.#answers();
    return server;
  }

  log(): string {
    return readFileSync(join(this.#folder, "server.log"), "utf8");
  }

  async stop(): Promise<void> {
    this.#signal("SIGTERM");
    const deadline = Date.now() + 5000;
    while (this.#runs() && Date.now() < deadline) await sleep(50);
    if (this.#runs()) this.#signal("SIGKILL");
    closeSync(this.#log);
    if (!process.env["CWM_E2E_KEEP"])
      rmSync(this.#folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
  }

  async #answers(): Promise<void> {
    const deadline = Date.now() + 60_000;
    for (;;) {
      const answer = await fetch(`${this.origin}/healthz`).catch(() => undefined);
      if (answer?.ok) return;
      if (!this.#runs()) throw new Error(`code-server ended:\n${this.log()}`);
      if (Date.now() > deadline) throw new Error(`code-server does not answer:\n${this.log()}`);
      await sleep(100);
    }
  }

  #runs(): boolean {
    return this.#process.exitCode === null && this.#process.signalCode === null;
  }

  #signal(signal: NodeJS.Signals): void {
    if (this.#process.pid !== undefined && this.#runs()) process.kill(-this.#process.pid, signal);
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      const port = typeof address === "object" && address ? address.port : 0;
      server.close(() => resolve(port));
    });
  });
}
