/** *Check World Model*: checks a file now, whatever its run mode. */
import { ProgressLocation, window } from "vscode";
import type { Server } from "../server/server";
import { CHECK, type CheckParams, type CheckResult } from "../shared/messages";
import { explain, modelFile, running } from "./guard";

export async function check(server: Server, named: unknown): Promise<void> {
  const document = await modelFile(named);
  if (!document) return;
  const client = await running(server);
  if (!client) return;
  const result = await window.withProgress(
    { location: ProgressLocation.Window, title: "CWM: checking" },
    (_progress, cancellation) => {
      const params: CheckParams = { uri: document.uri.toString() };
      return client.sendRequest<CheckResult>(CHECK, params, cancellation);
    },
  );
  const reason = WHY_NOT[result.outcome];
  if (reason) await explain(reason);
}

const WHY_NOT: Readonly<Record<string, string | undefined>> = {
  noModel: "This file holds no world model: a class with set_state and step, or the functions transition and reward.",
  noData: "There are no trajectories to check this model against. Record or import some, or name them in cwm.toml.",
};
