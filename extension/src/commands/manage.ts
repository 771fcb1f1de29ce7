/** *Manage Runs and Private Environment*: how much room they take, and deleting them. */
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { window, workspace, type QuickPickItem } from "vscode";
import type { Installer } from "../interpreter/install";
import type { Server } from "../server/server";
import {
  DELETE_RUNS,
  RUNS,
  type DeleteRunsParams,
  type DeleteRunsResult,
  type RunsResult,
  type RunSummary,
} from "../shared/messages";
import { count, share } from "../webviews/common/words";
import { running } from "./guard";
import { bytes } from "./sizes";

interface Action extends QuickPickItem {
  readonly act: () => Promise<void>;
}

export async function manage(server: Server, installer: Installer): Promise<void> {
  const items = [await environmentItem(server, installer), ...(workspace.isTrusted ? await runItems(server) : [])];
  const chosen = await window.showQuickPick<Action>(items, { title: "What Code World Models keeps on this machine" });
  await chosen?.act();
}

async function environmentItem(server: Server, installer: Installer): Promise<Action> {
  const has = await installer.hasPrivateEnvironment();
  return {
    label: has ? "Delete the private environment" : "There is no private environment",
    description: has ? bytes(await sizeOf(installer.folder)) : "",
    detail: has ? installer.folder : "It is made when the selected Python lacks the package, after asking.",
    act: async () => {
      if (!has || !(await agreed("Delete the private environment?", "It can be made again at any time."))) return;
      await server.stop();
      await installer.deletePrivateEnvironment();
    },
  };
}

async function runItems(server: Server): Promise<readonly Action[]> {
  const client = await running(server);
  if (!client) return [];
  const { runs, directory } = await client.sendRequest<RunsResult>(RUNS, {});
  const total = runs.reduce((sum, { size }) => sum + size, 0);
  return [
    {
      label: runs.length ? "Delete searches..." : "There are no searches",
      description: runs.length ? `${runs.length}, ${bytes(total)}` : "",
      detail: directory,
      act: async () => {
        const chosen = await choose(runs);
        if (!chosen?.length) return;
        const params: DeleteRunsParams = { runs: chosen };
        const { problems } = await client.sendRequest<DeleteRunsResult>(DELETE_RUNS, params);
        if (problems.length) void window.showWarningMessage(problems.join("; "));
      },
    },
  ];
}

async function choose(runs: readonly RunSummary[]): Promise<readonly string[] | undefined> {
  const items = runs.map(({ run, file, status, nodes, accuracy, created, size }) => ({
    label: file?.split("/").at(-1) ?? run,
    description: `${bytes(size)}, ${created ?? "at an unknown time"}`,
    detail: `${run}: ${status}, ${count(nodes, "program")}, best ${share(accuracy)}`,
    run,
  }));
  const title = "Which searches to delete, with all programs and replies in them";
  const chosen = await window.showQuickPick(items, { title, canPickMany: true, matchOnDetail: true });
  return chosen?.map(({ run }) => run);
}

async function agreed(question: string, detail: string): Promise<boolean> {
  return (await window.showWarningMessage(question, { modal: true, detail }, "Delete")) === "Delete";
}

/** How much room a folder takes, in bytes; links are not followed. */
async function sizeOf(folder: string): Promise<number> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile());
  const sizes = await Promise.all(files.map(async (file) => (await stat(join(file.parentPath, file.name))).size));
  return sizes.reduce((sum, size) => sum + size, 0);
}
