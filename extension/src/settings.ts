/** The settings of section `cwm` that the extension itself reads; the server asks for the section as a whole. */
import { workspace } from "vscode";

export const SECTION = "cwm";

export const RUN_MODES = ["onType", "onSave", "manual"] as const;
export type RunMode = (typeof RUN_MODES)[number];

export function interpreterSetting(): string {
  return workspace.getConfiguration(SECTION).get<string>("interpreter", "").trim();
}

export function runMode(): RunMode {
  const value = workspace.getConfiguration(SECTION).get<string>("run");
  return RUN_MODES.find((mode) => mode === value) ?? "onType";
}
