/** *Collect Setup Information*: what a report of a problem should contain, without anything private. */
import { env, extensions, version, window, workspace, type ExtensionContext } from "vscode";
import { interpreterSetting } from "../settings";
import type { Server } from "../server/server";
import type { InterpreterResolver } from "../interpreter/resolve";

export async function collectSetup(
  context: ExtensionContext,
  server: Server,
  interpreters: InterpreterResolver,
): Promise<void> {
  const own = context.extension.packageJSON as { readonly version: string };
  const python = ["ms-python.vscode-python-envs", "ms-python.python", "ms-python.debugpy"];
  const { state } = server;
  const lines = [
    "# Code World Models: setup",
    "",
    `- extension: ${own.version}`,
    `- editor: ${env.appName} ${version}, ${env.remoteName ? "remote" : "local"}, ${process.platform} ${process.arch}, Node ${process.version}`,
    ...python.map((id) => `- ${id}: ${versionOf(id) ?? "not installed"}`),
    `- folder trusted: ${workspace.isTrusted ? "yes" : "no"}`,
    `- server: ${state.kind}${"message" in state ? `: ${state.message}` : ""}`,
    "",
    "## Interpreters",
    "",
    `- setting cwm.interpreter: ${interpreterSetting() || "not set"}`,
    // To ask an interpreter is to run it, and it may be one of the folder's own.
    ...(workspace.isTrusted ? await interpreters.describe() : ["not asked: the folder is not trusted"]).map(
      (line) => `- ${line}`,
    ),
  ];
  const document = await workspace.openTextDocument({ language: "markdown", content: `${lines.join("\n")}\n` });
  await window.showTextDocument(document);
}

function versionOf(id: string): string | undefined {
  return (extensions.getExtension(id)?.packageJSON as { readonly version?: string } | undefined)?.version;
}
