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

/** Whether code may be run here; explains why where it may not. */
export async function trusted(): Promise<boolean> {
  if (!workspace.isTrusted)
    await explain("This folder is not trusted, so nothing in it is run.", {
      "Manage trust": () => commands.executeCommand("workbench.trust.manage"),
    });
  return workspace.isTrusted;
}

/** Why a check told nothing of a model, and what to do about it; undefined where it was checked. */
export function whyNot(outcome: string): string | undefined {
  return WHY_NOT[outcome];
}

/** Says why a check told nothing of a model, with what is done about it; false where it was checked. */
export async function explainsOutcome(outcome: string): Promise<boolean> {
  const reason = whyNot(outcome);
  if (reason === undefined) return false;
  await explain(
    reason,
    outcome === "noData"
      ? {
          "Record...": () => commands.executeCommand("cwm.record"),
          "Import...": () => commands.executeCommand("cwm.import"),
        }
      : {},
  );
  return true;
}

const WHY_NOT: Readonly<Record<string, string | undefined>> = {
  noModel: "This file holds no world model: a class with set_state and step, or the functions transition and reward.",
  noData: "There are no trajectories to check this model against. Record or import some, or name them in cwm.toml.",
  blocked: "The sandbox is weak on this machine, and nobody has reviewed the file; it was not run.",
};

/** The running server, started if need be; explains why there is none. */
export async function running(server: Server): Promise<LanguageClient | undefined> {
  if (!(await trusted())) return undefined;
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
