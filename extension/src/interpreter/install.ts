/** Puts the wheel that the extension carries into an environment: one of its own, or one that the user chose. */
import { createHash } from "node:crypto";
import { readdir, readFile, rm, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { ProgressLocation, window, type CancellationToken, type ExtensionContext, type LogOutputChannel } from "vscode";
import { run } from "../run";
import { progressOf } from "./pip";
import type { Interpreter } from "./probe";

const FOLDER = "environment";
const STAMP = "installed.json";

export class Installer {
  readonly #context: ExtensionContext;
  readonly #log: LogOutputChannel;

  constructor(context: ExtensionContext, log: LogOutputChannel) {
    this.#context = context;
    this.#log = log;
  }

  /** Where the private environment is, or would be. */
  get folder(): string {
    return join(this.#context.globalStorageUri.fsPath, FOLDER);
  }

  /** The interpreter of the private environment, if it holds exactly the wheel of this extension. */
  async privateInterpreter(): Promise<string | undefined> {
    const stamp = await readFile(join(this.folder, STAMP), "utf8").catch(() => undefined);
    return stamp === (await this.#stamp()) ? this.#python() : undefined;
  }

  /** Whether there is a private environment, of this version or another. */
  async hasPrivateEnvironment(): Promise<boolean> {
    return (await readFile(join(this.folder, STAMP), "utf8").catch(() => undefined)) !== undefined;
  }

  /** Makes the private environment anew with the Python given; its interpreter. */
  async createPrivateEnvironment(base: Interpreter): Promise<string> {
    await withProgress("Creating a private Python environment", async (report, cancellation) => {
      await rm(this.folder, { recursive: true, force: true });
      report(`with Python ${base.version.join(".")}`);
      await this.#run(base.executable, ["-m", "venv", this.folder], report, cancellation);
      await this.#pip(this.#python(), report, cancellation);
      await writeFile(join(this.folder, STAMP), await this.#stamp());
    });
    return this.#python();
  }

  /** Installs the wheel and its dependencies into an environment that the user chose. */
  async installInto(target: Interpreter): Promise<void> {
    await withProgress(`Installing into ${target.executable}`, (report, cancellation) =>
      this.#pip(target.executable, report, cancellation),
    );
  }

  async deletePrivateEnvironment(): Promise<void> {
    await rm(this.folder, { recursive: true, force: true });
  }

  #python(): string {
    return process.platform === "win32"
      ? join(this.folder, "Scripts", "python.exe")
      : join(this.folder, "bin", "python");
  }

  async #pip(python: string, report: (message: string) => void, cancellation: CancellationToken): Promise<void> {
    const options = ["--disable-pip-version-check", "--no-input", "--progress-bar", "off"];
    const wheel = await this.#wheel();
    await this.#run(python, ["-m", "pip", "install", ...options, `${wheel}[debug]`], report, cancellation);
    // The same version may hold other code while it is developed; pip would keep what is there.
    const again = ["--force-reinstall", "--no-deps", "--quiet"];
    await this.#run(python, ["-m", "pip", "install", ...options, ...again, wheel], report, cancellation);
  }

  async #run(
    command: string,
    args: readonly string[],
    report: (message: string) => void,
    cancellation: CancellationToken,
  ): Promise<void> {
    this.#log.info(`$ ${command} ${args.join(" ")}`);
    await run(command, args, {
      folder: this.#context.globalStorageUri.fsPath,
      cancellation,
      onLine: (line) => {
        this.#log.info(line);
        const message = progressOf(line);
        if (message) report(message);
      },
    });
  }

  async #wheel(): Promise<string> {
    const folder = join(this.#context.extensionPath, "extension", "dist");
    const wheel = (await readdir(folder)).find((name) => name.endsWith(".whl"));
    if (!wheel) throw new Error("this extension was packed without its Python package");
    return join(folder, wheel);
  }

  async #stamp(): Promise<string> {
    const wheel = await this.#wheel();
    const sha256 = createHash("sha256")
      .update(await readFile(wheel))
      .digest("hex");
    return JSON.stringify({ wheel: basename(wheel), sha256 });
  }
}

function withProgress(
  title: string,
  job: (report: (message: string) => void, cancellation: CancellationToken) => Promise<void>,
): Thenable<void> {
  const options = { location: ProgressLocation.Notification, title, cancellable: true };
  return window.withProgress(options, (progress, cancellation) =>
    job((message) => progress.report({ message }), cancellation),
  );
}
