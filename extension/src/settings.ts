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

export type Proposer = "local" | "editor" | "openai";

/** What writes programs in a search, where it is set. */
export function proposerSetting(): string | null {
  return workspace.getConfiguration(SECTION).get<string | null>("synthesis.proposer", null);
}

/** Where the user's own language model is, and its name there; empty where not set. */
export function endpointSettings(): { readonly endpoint: string; readonly model: string } {
  const settings = workspace.getConfiguration(SECTION);
  return {
    endpoint: settings.get<string>("llm.endpoint", "").trim(),
    model: settings.get<string>("llm.model", "").trim(),
  };
}
