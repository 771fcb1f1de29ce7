export const CHECK = "cwm/check";
export const STATUS = "cwm/status";

export interface ModelStatus {
  readonly name: string | null;
  readonly status: "complete" | "partial" | "timeout" | "error";
  readonly accuracy: number | null;
  readonly baseline: number | null;
  readonly ceiling: number | null;
  readonly passed: number;
  readonly checked: number;
  readonly total: number;
  readonly fields: Readonly<Record<string, number>>;
  readonly trajectories: string | null;
  readonly environment: string | null;
  readonly message: string | null;
}

export interface StatusParams {
  readonly schema: number;
  readonly uri: string;
  readonly version: number;
  readonly state:
    | "checking"
    | "complete"
    | "partial"
    | "timeout"
    | "error"
    | "notRun"
    | "noData"
    | "noModel"
    | "blocked"
    | "stopped"
    | "untrusted";
  readonly stale: boolean;
  readonly run: "onType" | "onSave" | "manual";
  readonly models: readonly ModelStatus[];
  readonly counts: { readonly error: number; readonly warning: number; readonly info: number; readonly hint: number };
  readonly accuracy: number | null;
  readonly isolation: string | null;
  readonly seconds: number | null;
}

export interface CheckParams {
  readonly uri: string;
  readonly anyway: boolean;
}

export interface CheckResult {
  readonly schema: number;
  readonly version: number;
  readonly outcome: string;
  readonly report: Readonly<Record<string, unknown>>;
}
