/** *Record Trajectories from a Gymnasium Environment* and *Import Trajectories*. */
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { dirname } from "node:path";
import { promisify } from "node:util";
import { commands, Uri, window, workspace, type LogOutputChannel, type TextDocument } from "vscode";
import { explain, running } from "../commands/guard";
import { offerLog } from "../interpreter/resolve";
import { isModel } from "../models";
import type { Server } from "../server/server";
import { runCwm, type CliOutcome } from "./command";
import { dataFile } from "./places";

const IDS = "import gymnasium; print('\\n'.join(sorted(gymnasium.registry)))";

interface Desk {
  readonly python: string;
  readonly folder: string;
  /** The model that is edited: the data is for it. */
  readonly model: TextDocument | undefined;
}

export async function record(server: Server, log: LogOutputChannel): Promise<void> {
  const desk = await deskOf(server);
  if (!desk) return;
  const environment = await askForEnvironment(desk.python);
  if (!environment) return;
  const episodes = await window.showInputBox({
    title: `Record ${environment} (2/3): episodes`,
    value: "50",
    validateInput: (value) => (/^[1-9]\d*$/.test(value.trim()) ? undefined : "A whole number, 1 or more"),
  });
  if (episodes === undefined) return;
  const file = await askForFile(`Record ${environment} (3/3): file`, desk, environment);
  if (file === undefined) return;
  const append = existsSync(file) ? await agreedToAppend(file) : [];
  if (!append) return;
  await mkdir(dirname(file), { recursive: true });
  const args = ["record", environment, "--episodes", episodes.trim(), "--output", file, ...append];
  const title = `Recording ${environment}`;
  await tell(await runCwm(desk.python, args, { title, folder: desk.folder, log }), file, log);
}

export async function importTrajectories(server: Server, log: LogOutputChannel): Promise<void> {
  const desk = await deskOf(server);
  if (!desk) return;
  const chosen = await window.showOpenDialog({
    title: "Import trajectories",
    openLabel: "Import",
    canSelectMany: true,
    defaultUri: Uri.file(desk.folder),
    filters: { Trajectories: ["npz", "jsonl", "parquet", "sqlite"] },
  });
  const [first] = chosen ?? [];
  if (!chosen || !first) return;
  const name =
    first.path
      .split("/")
      .at(-1)
      ?.replace(/\.\w+$/, "") ?? "trajectories";
  const file = await askForFile("Import trajectories: write to", desk, name);
  if (file === undefined) return;
  const overwrite = existsSync(file) ? await agreedToReplace(file) : [];
  if (!overwrite) return;
  await mkdir(dirname(file), { recursive: true });
  const args = ["import", ...chosen.map(({ fsPath }) => fsPath), "--output", file, ...overwrite];
  await tell(await runCwm(desk.python, args, { title: "Importing trajectories", folder: desk.folder, log }), file, log);
}

async function deskOf(server: Server): Promise<Desk | undefined> {
  if (!(await running(server)) || server.state.kind !== "running") return undefined;
  const model = await shownModel();
  const folder = ((model && workspace.getWorkspaceFolder(model.uri)) ?? workspace.workspaceFolders?.[0])?.uri;
  if (!folder) return explain("Open a folder first: recordings are kept in it.");
  return { python: server.state.python, folder: folder.fsPath, model };
}

/** The model in the active editor, or else in one beside it: a picture of data may be the active one. */
async function shownModel(): Promise<TextDocument | undefined> {
  for (const editor of [window.activeTextEditor, ...window.visibleTextEditors])
    if (editor && !editor.document.isUntitled && (await isModel(editor.document))) return editor.document;
  return undefined;
}

/** An environment from the list of those that are registered, or any other that is typed. */
async function askForEnvironment(python: string): Promise<string | undefined> {
  const pick = window.createQuickPick();
  pick.title = "Record trajectories (1/3): environment";
  pick.placeholder = "A Gymnasium id; module:Name-v0 imports the module first";
  pick.busy = true;
  pick.show();
  const known = promisify(execFile)(python, ["-P", "-W", "ignore", "-c", IDS]).then(
    ({ stdout }) => stdout.trim().split("\n"),
    () => [],
  );
  return new Promise((resolve) => {
    const show = (ids: readonly string[]): void => {
      const typed = pick.value.trim();
      const others = typed && !ids.includes(typed) ? [{ label: typed, description: "as typed" }] : [];
      pick.items = [...ids.map((label) => ({ label })), ...others];
    };
    void known.then((ids) => {
      pick.busy = false;
      show(ids);
      pick.onDidChangeValue(() => show(ids));
      return ids;
    });
    pick.onDidAccept(() => {
      resolve(pick.selectedItems[0]?.label ?? (pick.value.trim() || undefined));
      pick.hide();
    });
    pick.onDidHide(() => {
      resolve(undefined);
      pick.dispose();
    });
  });
}

async function askForFile(title: string, { model, folder }: Desk, name: string): Promise<string | undefined> {
  const value = dataFile(model?.uri.fsPath, name, folder);
  const file = await window.showInputBox({
    title,
    value,
    prompt: "Data beside a model, in trajectories/ and under its name, is found without any configuration.",
    validateInput: (path) => (path.trim().endsWith(".sqlite") ? undefined : "A file that ends in .sqlite"),
  });
  return file?.trim();
}

async function agreedToAppend(file: string): Promise<readonly string[] | undefined> {
  const answer = await window.showWarningMessage(`${file} is there already.`, { modal: true }, "Add to it");
  return answer ? ["--append"] : undefined;
}

async function agreedToReplace(file: string): Promise<readonly string[] | undefined> {
  const answer = await window.showWarningMessage(`${file} is there already.`, { modal: true }, "Replace it");
  return answer ? ["--overwrite"] : undefined;
}

async function tell(outcome: CliOutcome, file: string, log: LogOutputChannel): Promise<void> {
  const lastError = outcome.errors.split("\n").at(-1) ?? "";
  if (outcome.code !== 0 && outcome.code !== 130) {
    await offerLog(outcome.errors.split("\n")[0] || lastError || "cwm ended without a word", log);
    return;
  }
  const message = outcome.code === 130 ? lastError : (outcome.output.split("\n")[0] ?? "");
  const answer = await window.showInformationMessage(message || `Written to ${file}`, "Show in explorer");
  if (answer) await commands.executeCommand("revealInExplorer", Uri.file(file));
}
