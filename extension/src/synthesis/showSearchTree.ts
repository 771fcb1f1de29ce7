/** *Show Search Tree*: one of this window, or any other that is kept. */

import { Uri, window, type QuickPickItem } from "vscode";

import { explain, running } from "../commands/guard";
import type { Server } from "../server/server";
import { RUN, RUNS, type RunParams, type RunResult, type RunsResult } from "../shared/messages";
import { merge, type SearchTree } from "../shared/searchTree";
import { count, share } from "../webviews/common/words";
import type { Searches } from "./searches";

interface Item extends QuickPickItem {
  readonly run: string;
}

export async function showSearchTree(server: Server, searches: Searches, named: unknown): Promise<void> {
  const client = await running(server);
  if (!client) return;
  const run = typeof named === "string" ? named : await choose(await client.sendRequest<RunsResult>(RUNS, {}));
  if (run === undefined) return;
  const known = searches.all.find(({ tree }) => tree.run === run);
  if (known) {
    searches.show(known);
    return;
  }
  let tree: SearchTree | null = null;
  for (let last = -1; last !== (tree?.nodes.length ?? 0);) {
    last = tree?.nodes.length ?? 0;
    const params: RunParams = { run, after: tree?.nodes.at(-1)?.id ?? 0 };
    // A long run comes in parts, one after the other.
    // oxlint-disable-next-line no-await-in-loop
    const result: RunResult = await client.sendRequest<RunResult>(RUN, params);
    tree = merge(tree, result.tree as unknown as SearchTree);
    if (!result.more) {
      searches.show({ tree, file: result.path === null ? undefined : Uri.file(result.path), stop: undefined });
      return;
    }
  }
}

async function choose({ runs }: RunsResult): Promise<string | undefined> {
  if (runs.length === 0) return explain("There are no searches yet. Synthesize World Model begins one.");
  const items = runs.map(({ run, file, status, nodes, accuracy, created }): Item => ({
    run,
    label: file ?? run,
    description: `${status}, ${accuracy === null ? "no program" : share(accuracy)}, ${count(nodes, "program")}`,
    detail: [created, run].filter((part) => part !== null).join(" \u00b7 "),
  }));
  return (await window.showQuickPick(items, { title: "Show search tree", matchOnDetail: true }))?.run;
}
