/** Why a command cannot run now, in words; commands are always offered and explain themselves. */
import { commands, Uri, window, workspace, type TextDocument } from "vscode";
import type { LanguageClient } from "vscode-languageclient/node";
import type { Server } from "../server/server";

/** Says that something cannot be done, with what to do about it; never throws. */
export async function explain(
  message: string,
  offers: Readonly<Record<string, () => unknown>> = {},
): Promise<undefined> {
  const answer = await window.showWarningMessage(message, ...Object.keys(offers));
  if (answer !== undefined) await offers[answer]?.();
  return undefined;
}

/** The running server, started if need be; explains why there is none. */
export async function running(server: Server): Promise<LanguageClient | undefined> {
  if (!workspace.isTrusted)
    return explain("This folder is not trusted, so nothing in it is run.", {
      "Manage trust": () => commands.executeCommand("workbench.trust.manage"),
    });
  const client = await server.ensure({ asked: true });
  if (client) return client;
  const { state } = server;
  // The prompt about the package and the message about a crash have been shown already.
  if (state.kind === "missing" || state.kind === "failed") return undefined;
  return explain("The language server is not running.", { Restart: () => commands.executeCommand("cwm.restart") });
}

/** The model file that a command is for: the one named by the caller, else the one that is edited. */
export async function modelFile(named: unknown): Promise<TextDocument | undefined> {
  const uri = typeof named === "string" ? Uri.parse(named) : named instanceof Uri ? named : undefined;
  if (uri) return workspace.openTextDocument(uri);
  const { activeTextEditor } = window;
  if (activeTextEditor?.document.languageId === "python") return activeTextEditor.document;
  return explain("Open the Python file of a world model first.", {
    "Open a sample world": () => commands.executeCommand("cwm.openSample"),
  });
}
