/** All messages beyond the protocol's own. Written by `make messages` from messages.py of the server. */

import type { WorkspaceEdit } from "vscode-languageclient";

export const SCHEMA = 1;
export const CHECK = "cwm/check";
export const COMPLETE = "cwm/lm/complete";
export const DATASET = "cwm/dataset";
export const DELETE_RUNS = "cwm/deleteRuns";
export const EPISODE = "cwm/episode";
export const FAILURES = "cwm/failures";
export const FIT = "cwm/fit";
export const IMAGES = "cwm/images";
export const LINES = "cwm/lines";
export const RUN = "cwm/run";
export const RUNS = "cwm/runs";
export const PIN = "cwm/pin";
export const PROPERTIES = "cwm/properties";
export const PROPERTY_TESTS = "cwm/propertyTests";
export const RUN_PROPERTIES = "cwm/runProperties";
export const SEARCH_EVENT = "cwm/searchEvent";
export const STATUS = "cwm/status";
export const SYNTHESIZE = "cwm/synthesize";

export type State =
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

/** One model in a status. */
export interface ModelStatus {
  /** Its class or function; None where none was found. */
  readonly name: string | null;
  readonly status: "complete" | "partial" | "timeout" | "error";
  /** Fractions, 0..1. */
  readonly accuracy: number | null;
  /** Fractions, 0..1. */
  readonly baseline: number | null;
  /** Fractions, 0..1. */
  readonly ceiling: number | null;
  /** Numbers of transitions. */
  readonly passed: number;
  /** Numbers of transitions. */
  readonly checked: number;
  /** Numbers of transitions. */
  readonly total: number;
  /** The accuracy of every field. */
  readonly fields: Readonly<Record<string, number>>;
  /** The data it was checked against. */
  readonly trajectories: string | null;
  /** What the data is of. */
  readonly environment: string | null;
  /** Why it could not be checked. */
  readonly message: string | null;
}

/** How many findings there are of each severity. */
export interface Counts {
  readonly error: number;
  readonly warning: number;
  readonly info: number;
  readonly hint: number;
}

/** `cwm/status`, from the server: where the check of a file stands. */
export interface StatusParams {
  readonly schema: number;
  /** The file. */
  readonly uri: string;
  /** The version of the buffer. */
  readonly version: number;
  /** Where it stands. */
  readonly state: State;
  /** Whether models and counts are about an older version. */
  readonly stale: boolean;
  /** The run mode: `onType`, `onSave` or `manual`. */
  readonly run: "onType" | "onSave" | "manual";
  readonly models: readonly ModelStatus[];
  readonly counts: Counts;
  /** The lowest accuracy of the models. */
  readonly accuracy: number | null;
  /** The level at which models run: `full`, `partial` or `process`. */
  readonly isolation: string | null;
  /** How long the check took. */
  readonly seconds: number | null;
}

/** `cwm/check`, to the server: check a file now, whatever its run mode. Cancelling the request stops the check. */
export interface CheckParams {
  /** The file, which has to be open. */
  readonly uri: string;
  /** Run it below the full isolation level too, from now on. */
  readonly anyway?: boolean;
}

/** The answer to `cwm/check`. */
export interface CheckResult {
  readonly schema: number;
  /** The version that was checked. */
  readonly version: number;
  /** How it ended, see `documents.Outcome`. */
  readonly outcome: string;
  /** The report document, as `cwm check --output-format json` prints it. */
  readonly report: Readonly<Record<string, unknown>>;
}

/** `cwm/dataset`, to the server: what data a file was checked against, and where it fails. */
export interface DatasetParams {
  /** The file, which has to be open and checked. */
  readonly uri: string;
  /** Which model of it; the first one where it is not said. */
  readonly model?: string | null;
}

/** The answer to `cwm/dataset`. */
export interface DatasetResult {
  readonly schema: number;
  /** All models of the file that were run. */
  readonly models: readonly string[];
  /** The document of `cwm_engine.checking.episodes.dataset_json`. */
  readonly dataset: Readonly<Record<string, unknown>>;
}

/** `cwm/episode`, to the server: steps of an episode, as they were observed and predicted. */
export interface EpisodeParams {
  /** The file, which has to be open and checked. */
  readonly uri: string;
  /** The number of the episode, from 0. */
  readonly episode: number;
  /** Which model of the file; the first one where it is not said. */
  readonly model?: string | null;
  /** The first step, from 0. */
  readonly start?: number;
  /** How many steps at most. */
  readonly count?: number;
}

/** The answer to `cwm/episode`. */
export interface EpisodeResult {
  readonly schema: number;
  /** The document of `cwm_engine.checking.episodes.episode_json`. */
  readonly episode: Readonly<Record<string, unknown>>;
}

/** `cwm/failures`, to the server: the first failing steps of an episode, whole. */
export interface FailuresParams {
  /** The file, which has to be open and checked. */
  readonly uri: string;
  /** The number of the episode, from 0. */
  readonly episode: number;
  /** Which model of the file; the first one where it is not said. */
  readonly model?: string | null;
  /** How many at most. */
  readonly count?: number;
}

/** The answer to `cwm/failures`. */
export interface FailuresResult {
  readonly schema: number;
  /** The documents of `cwm_engine.checking.episodes.failures_json`. */
  readonly failures: readonly Readonly<Record<string, unknown>>[];
}

/** `cwm/images`, to the server: the pictures of one step. */
export interface ImagesParams {
  /** The file, which has to be open and checked. */
  readonly uri: string;
  /** The number of the episode, from 0. */
  readonly episode: number;
  /** The number of the step, from 0. */
  readonly step: number;
  /** Which model of the file; the first one where it is not said. */
  readonly model?: string | null;
}

/** The answer to `cwm/images`. */
export interface ImagesResult {
  readonly schema: number;
  /** The documents of `cwm_engine.checking.episodes.images_json`. */
  readonly images: readonly Readonly<Record<string, unknown>>[];
}

/**
 * `cwm/synthesize`, to the server: search for a program that predicts the data, from the buffer's text. Cancelling the
 * request or its progress stops the search within a second; the run stays, to go on with later.
 */
export interface SynthesizeParams {
  /** The file, which has to be open; its data is found as for a check. */
  readonly uri: string;
  /** Which model of the file; None if there is one. */
  readonly model?: string | null;
  /** Who writes programs: `local`, `openai`, `editor` or `replay`; as configured when None. */
  readonly proposer?: "local" | "openai" | "editor" | "replay" | null;
  /** The language model's name; as configured when None. */
  readonly llm?: string | null;
  /** What chooses where the search goes on; as configured when None. */
  readonly strategy?: string | null;
  /** What it may spend; as configured when None. */
  readonly maxCalls?: number | null;
  /** What it may spend; as configured when None. */
  readonly maxTokens?: number | null;
  /** What it may spend; as configured when None. */
  readonly maxCost?: number | null;
  /** What it may spend; as configured when None. */
  readonly maxSeconds?: number | null;
  /** What it may spend; as configured when None. */
  readonly maxNodes?: number | null;
  /** What the environment is; as configured when None. */
  readonly description?: string | null;
  /** The run that goes on; None begins one. */
  readonly resume?: string | null;
  /**
   * Whether the server has the client apply what was found, which asks the user; the client does it itself where not.
   */
  readonly apply?: boolean;
  /** Where progress is reported; the server makes one where it is not said. */
  readonly workDoneToken?: number | string | null;
}

/** The answer to `cwm/synthesize`. */
export interface SynthesizeResult {
  readonly schema: number;
  /** The version of the buffer that the search began with. */
  readonly version: number;
  /** The result document, as `cwm synthesize --output-format json` prints it. */
  readonly result: Readonly<Record<string, unknown>>;
  /** The best program; None if there is none. */
  readonly program: string | null;
  /** From that version to the program, for exactly that version; None if there is nothing to change. */
  readonly edit: WorkspaceEdit | null;
  /** Whether the client has applied it. */
  readonly applied: boolean;
}

/** `cwm/fit`, to the server: fit the numbers of the buffer's text to the data. */
export interface FitParams {
  /** The file, which has to be open; its data is found as for a check. */
  readonly uri: string;
  /** Which model of the file; None if there is one. */
  readonly model?: string | null;
  /** As in `SynthesizeParams`. */
  readonly apply?: boolean;
  /** Where progress is reported; the server makes one where it is not said. */
  readonly workDoneToken?: number | string | null;
}

/** The answer to `cwm/fit`. */
export interface FitResult {
  readonly schema: number;
  /** The version of the buffer that was fitted. */
  readonly version: number;
  /** The document, as `cwm fit --output-format json` prints it. */
  readonly fit: Readonly<Record<string, unknown>>;
  /** As in `SynthesizeResult`. */
  readonly program: string | null;
  /** As in `SynthesizeResult`. */
  readonly edit: WorkspaceEdit | null;
  /** As in `SynthesizeResult`. */
  readonly applied: boolean;
}

/** `cwm/searchEvent`, from the server: where a search stands. */
export interface SearchEventParams {
  readonly schema: number;
  /** The file it is about. */
  readonly uri: string;
  /** The name of the run. */
  readonly run: string;
  /** A program became a node, or the search ended. */
  readonly kind: "node" | "ended";
  /** Programs tried, and how many may be. */
  readonly nodes: number;
  /** Programs tried, and how many may be. */
  readonly mostNodes: number | null;
  /** Accuracy of the best one, 0..1. */
  readonly best: number | null;
  /** Requests to a language model, and how many may be. */
  readonly calls: number;
  /** Requests to a language model, and how many may be. */
  readonly mostCalls: number | null;
  /** Tokens read and written. */
  readonly tokens: number;
  /** Dollars. */
  readonly cost: number;
  /** How long it has worked. */
  readonly seconds: number;
  /** Requests that are not answered yet. */
  readonly underWay: number;
  /** The search with the nodes that are new, see `cwm_engine.synthesis.view.TreeWatch`. */
  readonly tree: Readonly<Record<string, unknown>>;
}

/** `cwm/pin`, to the server: keep a transition as one that must stay right, and have the configuration name it. */
export interface PinParams {
  /** The file, which has to be open and checked. */
  readonly uri: string;
  /** The transition. */
  readonly episode: number;
  /** The transition. */
  readonly step: number;
  /** Which model of the file; the first one where it is not said. */
  readonly model?: string | null;
}

/** The answer to `cwm/pin`. */
export interface PinResult {
  readonly schema: number;
  /** Where pinned transitions of the model are kept. */
  readonly file: string;
  /** Whether it was not among them before. */
  readonly added: boolean;
  /** Whether the client has put the file into the configuration, or it was there. */
  readonly applied: boolean;
}

/** One message of a chat. */
export interface ChatMessage {
  readonly role: "system" | "user" | "assistant";
  readonly content: string;
}

/** `cwm/lm/complete`, to the client: ask a language model that the editor gives access to. */
export interface CompleteParams {
  readonly schema: number;
  /** Its name; the one the user has chosen when None. */
  readonly llm: string | null;
  /** What it is told. */
  readonly messages: readonly ChatMessage[];
  /** Tokens of the reply at most. */
  readonly maxTokens: number;
}

/** The answer to `cwm/lm/complete`. */
export interface CompleteResult {
  /** The reply. */
  readonly text: string;
  /** As the editor counts them; None where it does not. */
  readonly promptTokens?: number | null;
  /** As the editor counts them; None where it does not. */
  readonly completionTokens?: number | null;
}

/** `cwm/lines`, to the server: which lines of a file the last check has executed. */
export interface LinesParams {
  /** The file, which has to be open and checked. */
  readonly uri: string;
}

/** One line of the functions of a model. */
export interface LineExecutions {
  /** Counted from 1. */
  readonly line: number;
  /** How many transitions execute it; 1 for what runs before them. */
  readonly transitions: number;
  /** How many of those are predicted wrongly. */
  readonly failing: number;
  /** Whether it only runs before the transitions, while the model is loaded and constructed. */
  readonly before: boolean;
}

/** The answer to `cwm/lines`. */
export interface LinesResult {
  readonly schema: number;
  /** The version of the buffer that the lines are of. */
  readonly version: number;
  /** The lines of all models that were run, in order; none where that is not known. */
  readonly lines: readonly LineExecutions[];
}

/** `cwm/runs`, to the server: which searches there were. */
export interface RunsParams {}

/** One search. */
export interface RunSummary {
  /** Its name. */
  readonly run: string;
  /** The model it is about, as it was named; None where its journal cannot be read. */
  readonly file: string | null;
  /** The model's file; None where it is not there any more. */
  readonly path: string | null;
  /** How it ended the last time, `unfinished` if it did not, `unreadable` where nobody can say. */
  readonly status: "verified" | "partial" | "failed" | "cancelled" | "unfinished" | "unreadable";
  /** Programs that were tried. */
  readonly nodes: number;
  /** Of the best one on the searched transitions, 0..1. */
  readonly accuracy: number | null;
  /** When it began, as ISO 8601. */
  readonly created: string | null;
  /** Bytes on disk. */
  readonly size: number;
}

/** The answer to `cwm/runs`. */
export interface RunsResult {
  readonly schema: number;
  /** Where they lie. */
  readonly directory: string;
  /** All of them, the latest first. */
  readonly runs: readonly RunSummary[];
}

/** `cwm/run`, to the server: the tree of a search, in parts. */
export interface RunParams {
  /** Its name. */
  readonly run: string;
  /** The last node that is known; 0 for none. */
  readonly after?: number;
  /** How many nodes at most. */
  readonly count?: number;
}

/** The answer to `cwm/run`. */
export interface RunResult {
  readonly schema: number;
  /** The model's file; None where it is not there any more. */
  readonly path: string | null;
  /** The document of `cwm_engine.synthesis.view.tree_json`, with some of the nodes. */
  readonly tree: Readonly<Record<string, unknown>>;
  /** Whether there are nodes after these. */
  readonly more: boolean;
}

/** `cwm/deleteRuns`, to the server: delete searches and everything they hold. */
export interface DeleteRunsParams {
  /** Their names. */
  readonly runs: readonly string[];
}

/** The answer to `cwm/deleteRuns`. */
export interface DeleteRunsResult {
  readonly schema: number;
  /** The names of those that are gone. */
  readonly deleted: readonly string[];
  /** Why others are not. */
  readonly problems: readonly string[];
}

/**
 * `cwm/properties`, to the server: write property tests for a model, or bring those that are there up to date. What was
 * edited by hand stays as it is. Cancelling the request or its progress stops it.
 */
export interface PropertiesParams {
  /** The model's file, which has to be open; its data is found as for a check. */
  readonly uri: string;
  /** Which model of the file; None if there is one. */
  readonly model?: string | null;
  /**
   * Whether the server has the client apply the edit, which asks the user where a file is changed; the client does it
   * itself otherwise.
   */
  readonly apply?: boolean;
  /** Where progress is reported; the server makes one where it is not said. */
  readonly workDoneToken?: number | string | null;
}

/** The answer to `cwm/properties`. */
export interface PropertiesResult {
  readonly schema: number;
  /** The file of tests. */
  readonly tests: string;
  /** Whether it is new. */
  readonly created: boolean;
  /** How many tests it has. */
  readonly count: number;
  /** How many of them say what was mined from the data. */
  readonly rules: number;
  /** Rules of the data that the real environment breaks. */
  readonly dropped: readonly string[];
  /** The real environment, where it was asked. */
  readonly environment: string | null;
  /** Names of tests; `kept` were edited by hand, and so were those `left`, whose rules were not found again. */
  readonly added: readonly string[];
  /** Names of tests; `kept` were edited by hand, and so were those `left`, whose rules were not found again. */
  readonly updated: readonly string[];
  /** Names of tests; `kept` were edited by hand, and so were those `left`, whose rules were not found again. */
  readonly kept: readonly string[];
  /** Names of tests; `kept` were edited by hand, and so were those `left`, whose rules were not found again. */
  readonly removed: readonly string[];
  /** Names of tests; `kept` were edited by hand, and so were those `left`, whose rules were not found again. */
  readonly left: readonly string[];
  /** The whole new text. */
  readonly text: string;
  /** From what is there to the new text; None if nothing changes. */
  readonly edit: WorkspaceEdit | null;
  /** Whether the client has applied it. */
  readonly applied: boolean;
}

/** `cwm/propertyTests`, to the server: which property tests there are for a model. */
export interface PropertyTestsParams {
  /** The model's file, which has to be open. */
  readonly uri: string;
  /** Which model of the file; None if there is one. */
  readonly model?: string | null;
}

/** One property test: its name, and its line in the file of tests. */
export interface PropertyTest {
  readonly name: string;
  readonly line: number;
}

/** The answer to `cwm/propertyTests`. */
export interface PropertyTestsResult {
  readonly schema: number;
  /** The file of tests; None where there is none yet. */
  readonly tests: string | null;
  /** What is in it. */
  readonly items: readonly PropertyTest[];
}

/**
 * `cwm/runProperties`, to the server: run the property tests of a model in the sandbox, as they are in the editor. What
 * does not hold is shown as diagnostics of the model from then on, until it holds again. Cancelling the request or its
 * progress stops the run.
 */
export interface RunPropertiesParams {
  /** The model's file, which has to be open. */
  readonly uri: string;
  /** Which model of the file; None if there is one. */
  readonly model?: string | null;
  /** Names of the tests to run; all of them when None. */
  readonly only?: readonly string[] | null;
  /** Where progress is reported; the server makes one where it is not said. */
  readonly workDoneToken?: number | string | null;
}

/** How a property test fails. */
export interface PropertyFailure {
  /** What is wrong, with the simplest case that was found. */
  readonly message: string;
  /** In the file of tests; None where that is not known. */
  readonly line: number | null;
  /** The arguments for which it fails, as Python. */
  readonly counterexample: Readonly<Record<string, string>>;
  /** What came out. */
  readonly seen: Readonly<Record<string, string>>;
}

/** What came of one property test. */
export interface PropertyOutcome {
  /** Its name, with the parameters of pytest. */
  readonly test: string;
  /** In the file of tests. */
  readonly line: number;
  readonly status: "passed" | "failed" | "skipped" | "unfinished";
  /** How long it took. */
  readonly seconds: number;
  /** Why it was skipped or did not finish. */
  readonly reason: string | null;
  readonly failures: readonly PropertyFailure[];
}

/** The answer to `cwm/runProperties`. */
export interface RunPropertiesResult {
  readonly schema: number;
  /** The version of the model that was run. */
  readonly version: number;
  /** The file of tests. */
  readonly tests: string;
  /** `partial` where tests did not finish, `error` where they could not be loaded. */
  readonly status: "complete" | "partial" | "error";
  /** Why they could not be loaded. */
  readonly problem: string | null;
  /** How long it took. */
  readonly seconds: number;
  /** One for each test. */
  readonly outcomes: readonly PropertyOutcome[];
}
