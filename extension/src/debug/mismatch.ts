/** *Debug a Mismatch*: the debugger, stopped on the first line of `step` at a transition that is predicted wrongly. */
import { debug, window, workspace, type DebugConfiguration, type Memento, type TextDocument, type Uri } from "vscode";
import { explain, explainsOutcome, modelFile, running } from "../commands/guard";
import type { Server } from "../server/server";
import { CHECK, type CheckParams, type CheckResult } from "../shared/messages";
import { mismatches, type Mismatch } from "./mismatches";
import { debuggerType } from "./adapter";

/** What a lens or a test says about where to stop; undefined parts are asked for. */
export interface DebugRequest {
  readonly uri?: string;
  readonly model?: string;
  readonly episode?: number;
  readonly step?: number;
}

/** What a caller gave, if it is such a request. */
export function asDebugRequest(value: unknown): DebugRequest {
  return typeof value === "object" && value !== null ? value : {};
}

const AGREED = "debugsOutsideSandbox";

export async function debugMismatch(server: Server, memory: Memento, request: DebugRequest = {}): Promise<void> {
  const document = await modelFile(request.uri);
  if (!document) return;
  const client = await running(server);
  const { state } = server;
  if (!client || state.kind !== "running") return;
  if (document.isUntitled || !(await saved(document))) {
    await explain("The debugger runs the file on the disk: save it first.");
    return;
  }
  const chosen =
    request.episode === undefined || request.step === undefined
      ? await choose(document, () => {
          const params: CheckParams = { uri: document.uri.toString() };
          return client.sendRequest<CheckResult>(CHECK, params);
        })
      : { model: request.model ?? null, episode: request.episode, step: request.step };
  if (!chosen || !(await agreed(memory))) return;
  const type = await debuggerType(state.python);
  if (!type) return;
  await debug.startDebugging(
    workspace.getWorkspaceFolder(document.uri),
    launch(type, state.python, document.uri, chosen),
  );
}

/** Has a file saved. The Test Explorer saves what it runs at the same moment: then ours is refused. */
async function saved(document: TextDocument): Promise<boolean> {
  if (!document.isDirty || (await document.save())) return true;
  return new Promise((resolve) => {
    const end = (): void => {
      clearTimeout(waiting);
      listening.dispose();
      resolve(!document.isDirty);
    };
    const waiting = setTimeout(end, 2000);
    const listening = workspace.onDidSaveTextDocument((other) => {
      if (other === document) end();
    });
  });
}

function launch(
  type: string,
  python: string,
  file: Uri,
  { model, episode, step }: Pick<Mismatch, "model" | "episode" | "step">,
): DebugConfiguration {
  const named = model === null ? [] : ["--model", model];
  return {
    type,
    request: "launch",
    name: `Episode ${episode}, step ${step}`,
    python,
    module: "cwm_server.debuggee",
    args: [file.fsPath, ...named, "--episode", String(episode), "--step", String(step)],
    console: "internalConsole",
    // Stepping out of the model ends the session instead of showing how it was called.
    rules: [
      { module: "cwm_server", include: false },
      { module: "cwm_engine", include: false },
    ],
    env: { PYDEVD_DISABLE_FILE_VALIDATION: "1" },
  };
}

async function choose(document: TextDocument, check: () => Promise<CheckResult>): Promise<Mismatch | undefined> {
  const { outcome, report } = await check();
  if (await explainsOutcome(outcome)) return undefined;
  const found = mismatches(report);
  if (!found.length)
    return explain(
      `${document.uri.path.split("/").at(-1)} predicts every checked transition right: there is nothing to debug.`,
    );
  if (found.length === 1) return found[0];
  const items = found.map((mismatch) => ({
    label: `Episode ${mismatch.episode}, step ${mismatch.step}`,
    description: mismatch.differs,
    detail: `${mismatch.code}: ${mismatch.message}`,
    mismatch,
  }));
  return (await window.showQuickPick(items, { title: "Debug a mismatch", matchOnDetail: true }))?.mismatch;
}

async function agreed(memory: Memento): Promise<boolean> {
  if (memory.get<boolean>(AGREED)) return true;
  const detail = "Everything else runs models in a sandbox. Under the debugger this one can do whatever you can.";
  const answer = await window.showWarningMessage(
    "The debugger runs this model outside of the sandbox.",
    { modal: true, detail },
    "Debug",
  );
  if (answer !== "Debug") return false;
  await memory.update(AGREED, true);
  return true;
}
