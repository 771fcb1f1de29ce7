/** *Synthesize World Model*, *Repair with Search...* and *Fit Constants*: a better program, offered as a diff. */

import { type TextDocument, window } from "vscode";
import type { LanguageClient, WorkspaceEdit } from "vscode-languageclient/node";

import { explain, explainsOutcome, modelFile, running } from "../commands/guard";
import { type Extras, inform, withProgress } from "../progress";
import type { Server } from "../server/server";
import {
  FIT,
  type FitParams,
  type FitResult,
  SYNTHESIZE,
  type SynthesizeParams,
  type SynthesizeResult,
} from "../shared/messages";
import type { Status } from "../status/status";
import type { Offers } from "./offers";
import type { Searches } from "./searches";
import { fitWords, type FitDocument, type SearchDocument, searchWords } from "./words";

/** What a search is asked for beyond the file. */
export type Plan = Omit<Partial<SynthesizeParams>, "uri" | "apply" | "workDoneToken">;

/** A file that can be searched for, and the server that does it. */
interface Asked {
  readonly document: TextDocument;
  readonly client: LanguageClient;
}

/** After so long a search is worth watching. */
const PATIENCE_MILLISECONDS = 1500;

export class Synthesis {
  readonly #server: Server;
  readonly #status: Status;
  readonly #searches: Searches;
  readonly #offers: Offers;

  constructor(server: Server, status: Status, searches: Searches, offers: Offers) {
    this.#server = server;
    this.#status = status;
    this.#searches = searches;
    this.#offers = offers;
  }

  /** Searches for a program for a file, named or the one that is edited. */
  async synthesize(named: unknown, plan: Plan = {}): Promise<void> {
    const asked = await this.#asked(named);
    if (asked) await this.#search(asked, plan);
  }

  /** *Repair with Search...*: asks who writes programs and for how long. */
  async repair(named: unknown): Promise<void> {
    const asked = await this.#asked(named);
    const plan = asked && (await askForPlan());
    if (plan) await this.#search(asked, plan);
  }

  async #search({ document, client }: Asked, plan: Plan): Promise<void> {
    if (this.#searches.isRunning(document.uri)) {
      await explain("A search for this file is going on already.", {
        "Show search tree": () => this.#searches.showLatest(document.uri),
      });
      return;
    }
    const result = await this.#searched(document, client, plan);
    if (!result) return;
    const found = result.result as unknown as SearchDocument;
    const message = searchWords(found, result.edit !== null);
    const extras = { "Show search tree": () => this.#searches.showLatest(document.uri) };
    if (result.program === null || result.edit === null) await inform(message, extras);
    else await this.#offer(document, client, result, result.program, message, extras);
  }

  async fit(named: unknown, model: string | null): Promise<void> {
    const asked = await this.#asked(named);
    if (!asked) return;
    const { document, client } = asked;
    const result = await withProgress(
      client,
      { title: `Fitting ${nameOf(document)}`, stopped: "The fit was stopped." },
      (workDoneToken) => {
        const params: FitParams = { uri: document.uri.toString(), model, apply: false, workDoneToken };
        return client.sendRequest<FitResult>(FIT, params);
      },
    );
    if (!result) return;
    const message = fitWords(result.fit as unknown as FitDocument);
    if (result.program === null || result.edit === null) await inform(message);
    else await this.#offer(document, client, result, result.program, message);
  }

  async #asked(named: unknown): Promise<Asked | undefined> {
    const document = await modelFile(named);
    if (!document) return undefined;
    if (document.isUntitled) return explain("Save the file first: its name says which data belongs to it.");
    const client = await running(this.#server);
    if (!client) return undefined;
    // A program can be searched for where there is none yet, but not without data.
    const known = this.#status.of(document.uri.toString())?.state;
    if (known === "noData" && (await explainsOutcome(known))) return undefined;
    return { document, client };
  }

  async #searched(document: TextDocument, client: LanguageClient, plan: Plan): Promise<SynthesizeResult | undefined> {
    const title = `Searching for ${nameOf(document)}`;
    const stopped = "The search was stopped; what it has found so far is kept.";
    const extras = { "Show search tree": () => this.#searches.showLatest(document.uri) };
    return withProgress(client, { title, stopped, extras }, async (workDoneToken, stop) => {
      const search = this.#searches.begin(document.uri, stop);
      const watching = setTimeout(() => this.#searches.showLatest(document.uri), PATIENCE_MILLISECONDS);
      const params: SynthesizeParams = { ...plan, uri: document.uri.toString(), apply: false, workDoneToken };
      try {
        return await client.sendRequest<SynthesizeResult>(SYNTHESIZE, params);
      } finally {
        clearTimeout(watching);
        search.dispose();
      }
    });
  }

  async #offer(
    document: TextDocument,
    client: LanguageClient,
    { version, edit }: Pick<SynthesizeResult, "version" | "edit">,
    program: string,
    message: string,
    extras: Extras = {},
  ): Promise<void> {
    const converted = await client.protocol2CodeConverter.asWorkspaceEdit(edit as WorkspaceEdit | null);
    const title = `${nameOf(document)} \u2194 found program`;
    await this.#offers.make({ file: document.uri, version, program, edit: converted, message, title }, extras);
  }
}

async function askForPlan(): Promise<Plan | undefined> {
  const proposers = [
    {
      label: "Local repair",
      detail: "No language model, no network: edits of the file and fitted numbers.",
      proposer: "local",
    },
    {
      label: "Language model of the editor",
      detail: "One that VS Code gives access to, without a key.",
      proposer: "editor",
    },
    {
      label: "Language model at an endpoint",
      detail: "OpenAI or compatible; the key comes from the secret store.",
      proposer: "openai",
    },
  ] as const;
  const chosen = await window.showQuickPick(proposers, { title: "Repair with search (1/2): who writes programs?" });
  if (!chosen) return undefined;
  const local = chosen.proposer === "local";
  const answer = await window.showInputBox({
    title: "Repair with search (2/2)",
    prompt: local ? "Seconds to search at most" : "Requests to the language model at most",
    value: local ? "60" : "20",
    validateInput: (value) => (/^[1-9]\d*$/.test(value.trim()) ? undefined : "A whole number, 1 or more"),
  });
  if (answer === undefined) return undefined;
  return { proposer: chosen.proposer, ...(local ? { maxSeconds: Number(answer) } : { maxCalls: Number(answer) }) };
}

function nameOf(document: TextDocument): string {
  return document.uri.path.split("/").at(-1) ?? document.uri.path;
}
