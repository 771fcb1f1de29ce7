/** *Check World Model*: checks a file now, whatever its run mode. */
import { ProgressLocation, window } from "vscode";
import type { Server } from "../server/server";
import { CHECK, type CheckParams, type CheckResult } from "../shared/messages";
import { explainsOutcome, modelFile, running } from "./guard";

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
  await explainsOutcome(result.outcome);
}
