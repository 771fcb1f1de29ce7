/** Decides which Python runs the server, and asks once when none of them has the project's package. */
import { mkdir } from "node:fs/promises";
import { commands, window, workspace, type ExtensionContext, type LogOutputChannel } from "vscode";
import { Cancelled } from "../run";
import { interpreterSetting, SECTION } from "../settings";
import { candidates, type Candidate } from "./candidates";
import { Installer } from "./install";
import { isNewEnough, OLDEST_PYTHON, probe, type Interpreter } from "./probe";

/** Where to run the server, or why it cannot be run. */
export type Resolution =
  | { readonly kind: "ready"; readonly interpreter: Interpreter; readonly source: string }
  | { readonly kind: "missing"; readonly message: string };

interface Probed {
  readonly candidate: Candidate;
  readonly interpreter: Interpreter;
}

const PRIVATE = "the private environment";

export class InterpreterResolver {
  readonly installer: Installer;
  readonly #context: ExtensionContext;
  readonly #log: LogOutputChannel;
  #asked = false;

  constructor(context: ExtensionContext, log: LogOutputChannel) {
    this.installer = new Installer(context, log);
    this.#context = context;
    this.#log = log;
  }

  /** The Python to use. Asks what to do if it lacks the package, once in a session unless `again`. */
  async resolve({ again }: { readonly again: boolean }): Promise<Resolution> {
    await mkdir(this.#folder, { recursive: true });
    const { found, problems } = await this.#probed();
    const ready = found.find(({ interpreter }) => interpreter.packageVersion === this.#version);
    if (ready) return { kind: "ready", interpreter: ready.interpreter, source: ready.candidate.source };

    const own = await this.installer.privateInterpreter();
    const interpreter = own && (await probe(own, this.#folder).catch(() => undefined));
    if (interpreter) return { kind: "ready", interpreter, source: PRIVATE };
    const [best] = found;
    if (!best) return { kind: "missing", message: noPython(problems) };
    if (await this.installer.hasPrivateEnvironment()) {
      // It is of another version of this extension; whoever agreed to it once is not asked again.
      const command = await this.installer.createPrivateEnvironment(best.interpreter);
      return { kind: "ready", interpreter: await probe(command, this.#folder), source: PRIVATE };
    }
    const message = lacks(best, this.#version);
    if (this.#asked && !again) return { kind: "missing", message };
    this.#asked = true;
    return this.#ask(best, message);
  }

  /** What was found on this machine, a line each. */
  async describe(): Promise<readonly string[]> {
    await mkdir(this.#folder, { recursive: true });
    const { found, problems } = await this.#probed();
    const own = await this.installer.privateInterpreter();
    const lines = found.map(
      ({ candidate, interpreter }) =>
        `${interpreter.executable}: Python ${interpreter.version.join(".")} by ${candidate.source}, package ${interpreter.packageVersion ?? "missing"}`,
    );
    return [...lines, ...problems, `private environment: ${own ?? "none"}`];
  }

  get #folder(): string {
    return this.#context.globalStorageUri.fsPath;
  }

  get #version(): string {
    return (this.#context.extension.packageJSON as { readonly version: string }).version;
  }

  async #probed(): Promise<{ readonly found: readonly Probed[]; readonly problems: readonly string[] }> {
    const folder = workspace.workspaceFolders?.[0]?.uri;
    const scope = folder ?? window.activeTextEditor?.document.uri;
    const found: Probed[] = [];
    const problems: string[] = [];
    const asked = await candidates(interpreterSetting(), scope, folder?.fsPath);
    const answers = await Promise.allSettled(asked.map(({ command }) => probe(command, this.#folder)));
    for (const [index, answer] of answers.entries()) {
      const candidate = asked[index];
      if (!candidate) continue;
      if (answer.status === "rejected") problems.push(String((answer.reason as Error).message));
      else if (!isNewEnough(answer.value))
        problems.push(`${candidate.command} is Python ${answer.value.version.join(".")}`);
      else found.push({ candidate, interpreter: answer.value });
    }
    for (const problem of problems) this.#log.info(`interpreter: ${problem}`);
    return { found, problems };
  }

  async #ask({ candidate, interpreter }: Probed, message: string): Promise<Resolution> {
    const create = "Create a private environment";
    const install = "Install into selected";
    const offers = [...(interpreter.hasVenv ? [create] : []), ...(interpreter.installable ? [install] : [])];
    if (!offers.length) {
      const hint =
        "Install the packages venv and pip of this Python, or choose another in the setting cwm.interpreter.";
      void window.showErrorMessage(`${message} ${hint}`);
      return { kind: "missing", message };
    }
    const answer = await window.showWarningMessage(message, ...offers, "Choose another Python");
    try {
      if (answer === create) {
        const command = await this.installer.createPrivateEnvironment(interpreter);
        return { kind: "ready", interpreter: await probe(command, this.#folder), source: PRIVATE };
      }
      if (answer === install) {
        await this.installer.installInto(interpreter);
        const after = await probe(interpreter.command, this.#folder);
        return { kind: "ready", interpreter: after, source: candidate.source };
      }
    } catch (error) {
      if (!(error instanceof Cancelled)) {
        this.#log.error(String(error));
        void offerLog(`The Python package could not be installed: ${(error as Error).message}`, this.#log);
      }
      return { kind: "missing", message };
    }
    if (answer) void commands.executeCommand("workbench.action.openSettings", `${SECTION}.interpreter`);
    return { kind: "missing", message };
  }
}

/** Shows an error with a button that opens the log. */
export async function offerLog(message: string, log: LogOutputChannel): Promise<void> {
  if (await window.showErrorMessage(message, "Show log")) log.show();
}

function lacks({ interpreter }: Probed, version: string): string {
  const python = `Python ${interpreter.version.slice(0, 2).join(".")} (${interpreter.executable})`;
  return interpreter.packageVersion === null
    ? `Code World Models needs its Python package, which ${python} does not have.`
    : `${python} has version ${interpreter.packageVersion} of the Python package of Code World Models; this extension needs ${version}.`;
}

function noPython(problems: readonly string[]): string {
  const oldest = OLDEST_PYTHON.join(".");
  const seen = problems.length ? ` (${problems.join("; ")})` : "";
  return `Python ${oldest} or newer was not found${seen}. Install it, or name it in the setting cwm.interpreter.`;
}
