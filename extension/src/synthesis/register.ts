/** Puts the parts around searches together, and adds their commands. */

import { type ExtensionContext, Uri } from "vscode";

import type { Server } from "../server/server";
import type { Status } from "../status/status";
import { Programs } from "../webviews/host/programs";
import { SearchTrees } from "../webviews/host/searchTree";
import { Offers } from "./offers";
import { Searches } from "./searches";
import { showSearchTree } from "./showSearchTree";
import { type Plan, Synthesis } from "./synthesize";

type AddCommand = (id: string, run: (...args: unknown[]) => unknown) => void;

/** Returns what shows programs as diffs, for whoever has others to offer. */
export function registerSynthesis(
  context: ExtensionContext,
  server: Server,
  status: Status,
  command: AddCommand,
): Offers {
  const programs = new Programs();
  const trees = new SearchTrees(context.extensionUri, programs);
  const searches = new Searches(trees);
  const offers = new Offers(programs);
  const synthesis = new Synthesis(server, status, searches, offers);
  server.attach((client) => searches.attach(client));
  command("synthesize", (request) => synthesis.synthesize(fileOf(request), planOf(request)));
  command("repair", (request) => synthesis.repair(fileOf(request)));
  command("fit", (request) => synthesis.fit(fileOf(request), planOf(request).model ?? null));
  command("showSearchTree", (run) => showSearchTree(server, searches, run));
  context.subscriptions.push(programs, trees, offers);
  return offers;
}

/** The file that a lens or a menu names. */
export function fileOf(request: unknown): unknown {
  return isObject(request) && !(request instanceof Uri) ? request["uri"] : request;
}

/** What a lens says beyond the file. */
export function planOf(request: unknown): Plan {
  const model = isObject(request) && !(request instanceof Uri) ? request["model"] : undefined;
  return typeof model === "string" ? { model } : {};
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}
