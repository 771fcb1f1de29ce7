/** Where the extension begins: makes its parts and connects them; what they do is in their own modules. */
import { commands, window, workspace, type ExtensionContext, type TextDocument } from "vscode";
import { check } from "./commands/check";
import { manage } from "./commands/manage";
import { restart } from "./commands/restart";
import { selectRunMode } from "./commands/runMode";
import { openLeftFile, openSample } from "./commands/sample";
import { collectSetup } from "./commands/setup";
import { importTrajectories, record } from "./data/record";
import { registerDebugger } from "./debug/adapter";
import { asDebugRequest, debugMismatch } from "./debug/mismatch";
import { Gutter } from "./gutter/gutter";
import { InterpreterResolver } from "./interpreter/resolve";
import { onInterpreterChange } from "./interpreter/changes";
import { EditorModels } from "./llm/editorModels";
import { Keys } from "./llm/secrets";
import { selectLanguageModel, setApiKey } from "./llm/select";
import { isModel } from "./models";
import { askedOf, Properties } from "./properties/commands";
import { PropertyExplorer } from "./properties/explorer";
import { Server } from "./server/server";
import { Explorer } from "./testing/explorer";
import { Status } from "./status/status";
import { registerSynthesis } from "./synthesis/register";
import { registerTrajectories } from "./trajectories";

export function activate(context: ExtensionContext): void {
  const log = window.createOutputChannel("Code World Models", { log: true });
  const interpreters = new InterpreterResolver(context, log);
  const keys = new Keys(context.secrets);
  const models = new EditorModels(context.globalState);
  const server = new Server(context, log, interpreters, () => keys.environment());
  server.attach((client) => models.attach(client));
  const status = new Status(server, log);

  const command = (id: string, run: (...args: unknown[]) => unknown): void => {
    context.subscriptions.push(commands.registerCommand(`cwm.${id}`, run));
  };
  command("check", (named) => check(server, named));
  command("debugMismatch", (request) => debugMismatch(server, context.workspaceState, asDebugRequest(request)));
  const offers = registerSynthesis(context, server, status, command);
  const propertyTests = new PropertyExplorer(server);
  const properties = new Properties(server, offers, (model, tests) => void propertyTests.add(model, tests));
  command("properties", (request) => properties.generate(askedOf(request)));
  command("runProperties", (request) => properties.run(askedOf(request)));
  registerTrajectories(context, server, status, command);
  command("record", () => record(server, log));
  command("import", () => importTrajectories(server, log));
  command("selectLanguageModel", () => selectLanguageModel(server, models, keys));
  command("setApiKey", () => setApiKey(server, keys));
  command("restart", () => restart(server));
  command("showLog", () => log.show());
  command("selectRunMode", selectRunMode);
  command("manage", () => manage(server, interpreters.installer));
  command("collectSetup", () => collectSetup(context, server, interpreters));
  command("openSample", () => openSample(context));
  command("openWalkthrough", () =>
    commands.executeCommand("workbench.action.openWalkthrough", `${context.extension.id}#start`, false),
  );

  const look = (document: TextDocument | undefined): void => {
    const off = server.state.kind === "idle" || server.state.kind === "untrusted";
    if (document && off) void isModel(document).then((found) => (found ? server.ensure({ asked: false }) : undefined));
  };
  context.subscriptions.push(
    log,
    status,
    server,
    new Explorer(server, status),
    propertyTests,
    new Gutter(context, server, status),
    registerDebugger(),
    onInterpreterChange(server.onDidChangeState, () => void server.interpreterMayHaveChanged()),
    workspace.onDidGrantWorkspaceTrust(() => workspace.textDocuments.forEach(look)),
    workspace.onDidOpenTextDocument(look),
    workspace.onDidSaveTextDocument(look),
  );
  workspace.textDocuments.forEach(look);
  void openLeftFile(context);
}
