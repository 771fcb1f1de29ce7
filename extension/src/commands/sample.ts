/** *Open a Sample World*: a copy of the examples, to look at and to change. */
import { cp, mkdir } from "node:fs/promises";
import { join } from "node:path";
import { commands, Uri, workspace, type ExtensionContext } from "vscode";

/** Opens the copy, made the first time, and the model with a fault in it. */
export async function openSample(context: ExtensionContext): Promise<void> {
  const folder = join(context.globalStorageUri.fsPath, "sample");
  await mkdir(folder, { recursive: true });
  await cp(join(context.extensionPath, "examples"), folder, { recursive: true, force: false });
  const uri = Uri.file(folder);
  const hasFolder = (workspace.workspaceFolders?.length ?? 0) > 0;
  await context.globalState.update(OPEN_NEXT, join(folder, "cartpole", "cartpole_broken.py"));
  await commands.executeCommand("vscode.openFolder", uri, { forceNewWindow: hasFolder });
}

/** After the folder was opened, in a new extension host: opens the file that was left for it. */
export async function openLeftFile(context: ExtensionContext): Promise<void> {
  const file = context.globalState.get<string>(OPEN_NEXT);
  const root = workspace.workspaceFolders?.[0]?.uri.fsPath;
  if (!file || !root || !file.startsWith(root)) return;
  await context.globalState.update(OPEN_NEXT, undefined);
  await commands.executeCommand("vscode.open", Uri.file(file));
}

const OPEN_NEXT = "openNext";
