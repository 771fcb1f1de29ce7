/** The connection to the language server. */
import type { LogOutputChannel } from "vscode";
import {
  CloseAction,
  ErrorAction,
  LanguageClient,
  RevealOutputChannelOn,
  type Executable,
  type LanguageClientOptions,
  type StaticFeature,
} from "vscode-languageclient/node";
import { SECTION } from "../settings";

export interface Launch {
  /** The interpreter that runs the server. */
  readonly python: string;
  /** A folder of the extension's own, so that no module of the workspace is taken for one of Python. */
  readonly folder: string;
  /** Added to the environment of the server, and written nowhere else: keys. */
  readonly secrets: Readonly<Record<string, string>>;
  readonly log: LogOutputChannel;
  /** Called when the connection is lost. */
  readonly onClosed: () => void;
}

/** A client that is not started yet. */
export function createClient(launch: Launch): LanguageClient {
  const server: Executable = {
    command: launch.python,
    args: ["-P", "-m", "cwm_engine", "serve", "--stdio", `--clientProcessId=${process.pid}`],
    options: { cwd: launch.folder, env: { ...process.env, ...launch.secrets, PYTHONUNBUFFERED: "1" } },
  };
  const options: LanguageClientOptions = {
    documentSelector: [
      { scheme: "file", language: "python" },
      { scheme: "untitled", language: "python" },
      { scheme: "file", pattern: "**/{cwm,pyproject}.toml" },
    ],
    initializationOptions: { trusted: true, commands: ["cwm.debugMismatch"] },
    synchronize: { configurationSection: SECTION },
    outputChannel: launch.log,
    revealOutputChannelOn: RevealOutputChannelOn.Never,
    initializationFailedHandler: () => false,
    middleware: {
      workspace: {
        configuration: async (params, token, next) => {
          const sections: unknown = await next(params, token);
          return Array.isArray(sections) ? sections.map(withoutInterpreter) : [];
        },
      },
    },
    errorHandler: {
      error: (_error, _message, count) => ({ action: (count ?? 0) <= 3 ? ErrorAction.Continue : ErrorAction.Shutdown }),
      closed: () => {
        launch.onClosed();
        return { action: CloseAction.DoNotRestart, handled: true };
      },
    },
  };
  const client = new QuietClient(SECTION, "Code World Models", server, options);
  client.registerFeature(ownCommands);
  return client;
}

/** Writes what goes wrong into the log; whether to bother anybody with it is for the caller to decide. */
class QuietClient extends LanguageClient {
  override error(message: string, data?: unknown): void {
    super.error(message, data, false);
  }
}

/** The server offers its commands to editors without this extension, which has more to say under the same names. */
const ownCommands: StaticFeature = {
  preInitialize: (capabilities) => {
    delete capabilities.executeCommandProvider;
  },
  fillClientCapabilities: () => {},
  initialize: () => {},
  getState: () => ({ kind: "static" }),
  clear: () => {},
};

/** Workers run with the server's own interpreter, which was chosen by that setting already. */
function withoutInterpreter(section: unknown): unknown {
  return typeof section === "object" && section !== null ? { ...section, interpreter: "" } : section;
}
