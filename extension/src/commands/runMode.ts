/** *When to Check*: while typing, when saved, or on demand. */
import { ConfigurationTarget, window, workspace } from "vscode";
import { RUN_MODES, runMode, SECTION, type RunMode } from "../settings";

const WORDS: Readonly<Record<RunMode, { readonly label: string; readonly detail: string }>> = {
  onType: { label: "While typing", detail: "Every change is checked at once." },
  onSave: { label: "When saved", detail: "A file is checked when it is opened and saved." },
  manual: { label: "On demand", detail: "A file is checked by the command CWM: Check World Model only." },
};

export async function selectRunMode(): Promise<void> {
  const now = runMode();
  const items = RUN_MODES.map((mode) => ({
    ...WORDS[mode],
    mode,
    ...(mode === now ? { description: "now" } : {}),
  }));
  const chosen = await window.showQuickPick(items, { title: "When to check world models" });
  if (!chosen) return;
  const target = workspace.workspaceFolders ? ConfigurationTarget.Workspace : ConfigurationTarget.Global;
  await workspace.getConfiguration(SECTION).update("run", chosen.mode, target);
}
