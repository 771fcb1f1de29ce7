/** What the status item says, in words. */
import type { ModelStatus, StatusParams } from "../shared/messages";
import type { ServerState } from "../server/server";
import { share } from "../webviews/common/words";

export interface Words {
  readonly text: string;
  readonly detail: string;
  readonly level: "information" | "warning" | "error";
  readonly busy: boolean;
}

/** Of a file that the server knows something about. */
export function wordsOf(status: StatusParams): Words {
  const accuracy = status.accuracy === null ? "" : share(status.accuracy);
  const { state } = status;
  const detail = status.models.map(modelWords).join("; ");
  const words = (text: string, level: Words["level"] = "information", more = detail): Words => ({
    text,
    detail: more,
    level,
    busy: false,
  });
  switch (state) {
    case "checking":
      return {
        text: accuracy ? `CWM ${accuracy}, checking` : "CWM checking",
        detail,
        level: "information",
        busy: true,
      };
    case "complete":
      return words(
        `CWM ${accuracy}`,
        status.counts.error ? "error" : status.counts.warning ? "warning" : "information",
      );
    case "partial":
      return words(`CWM ${accuracy} so far`, "warning");
    case "timeout":
      return words("CWM timed out", "error");
    case "error":
      return words("CWM not checked", "error");
    case "notRun":
      return words("CWM not checked yet", "information", detail || "Checked on demand: run CWM: Check");
    case "noData":
      return words("CWM has no trajectories", "warning", "Record or import some, or name them in cwm.toml");
    case "noModel":
      return words("CWM found no model", "information", "This file holds no world model");
    case "blocked":
      return words(
        "CWM did not run it",
        "warning",
        "The sandbox is weak on this machine, and nobody has reviewed the file",
      );
    case "stopped":
      return words("CWM check stopped", "information");
    case "untrusted":
      return words("CWM does not run it", "warning", UNTRUSTED);
    default:
      return state satisfies never;
  }
}

/** Of the server itself; undefined while the file's own state is what counts. */
export function serverWords(state: ServerState): Words | undefined {
  switch (state.kind) {
    case "idle":
      return { text: "CWM is off", detail: "Starts with the first world model", level: "information", busy: false };
    case "untrusted":
      return { text: "CWM is off", detail: UNTRUSTED, level: "warning", busy: false };
    case "starting":
      return { text: "CWM is starting", detail: "", level: "information", busy: true };
    case "missing":
      return { text: "CWM needs its Python package", detail: state.message, level: "warning", busy: false };
    case "failed":
      return { text: "CWM stopped", detail: state.message, level: "error", busy: false };
    case "running":
      return undefined;
    default:
      return state satisfies never;
  }
}

export const UNTRUSTED = "Nothing is run in a folder that is not trusted";

function modelWords(model: ModelStatus): string {
  const name = model.name ? `${model.name}: ` : "";
  if (model.message) return `${name}${model.message}`;
  return `${name}${model.passed} of ${model.checked} transitions right${model.environment ? ` of ${model.environment}` : ""}`;
}
