/** *Generate Property Tests* and *Run Property Tests*. */
import { Uri, window, workspace, type TextDocument } from "vscode";
import type { LanguageClient, WorkspaceEdit } from "vscode-languageclient/node";
import { explain, modelFile, running } from "../commands/guard";
import { inform, withProgress } from "../progress";
import type { Server } from "../server/server";
import {
  PROPERTIES,
  RUN_PROPERTIES,
  type PropertiesParams,
  type PropertiesResult,
  type RunPropertiesParams,
  type RunPropertiesResult,
} from "../shared/messages";
import type { Offers } from "../synthesis/offers";
import { fileOf, planOf } from "../synthesis/register";
import { ranWords, writtenWords } from "./words";

/** What is to be done for which file and model, as a lens or the palette says. */
export interface Asked {
  readonly file: unknown;
  readonly model: string | null;
}

export function askedOf(request: unknown): Asked {
  return { file: fileOf(request), model: planOf(request).model ?? null };
}

export class Properties {
  readonly #server: Server;
  readonly #offers: Offers;
  readonly #written: (model: Uri, tests: Uri) => void;

  /** Calls `written` when there are new tests. */
  constructor(server: Server, offers: Offers, written: (model: Uri, tests: Uri) => void) {
    this.#server = server;
    this.#offers = offers;
    this.#written = written;
  }

  async generate({ file, model }: Asked): Promise<void> {
    const found = await this.#found(file);
    if (!found) return;
    const { document, client } = found;
    const result = await withProgress(
      client,
      { title: `Writing properties of ${nameOf(document)}`, stopped: "No tests were written." },
      (workDoneToken) => {
        const params: PropertiesParams = { uri: document.uri.toString(), model, apply: false, workDoneToken };
        return client.sendRequest<PropertiesResult>(PROPERTIES, params);
      },
    );
    if (!result) return;
    const tests = Uri.parse(result.tests);
    const extras = { "Run them": () => this.run({ file: document.uri, model }) };
    const edit = await client.protocol2CodeConverter.asWorkspaceEdit(result.edit as WorkspaceEdit | null);
    if (!edit) {
      await inform(writtenWords(result), { ...extras, "Show them": () => show(tests) });
      return;
    }
    if (!result.created) {
      const { version } = await workspace.openTextDocument(tests);
      const title = `${nameOf({ uri: tests })} \u2194 what the data says now`;
      await this.#offers.make({
        file: tests,
        version,
        program: result.text,
        edit,
        message: writtenWords(result),
        title,
      });
      return;
    }
    if (!(await workspace.applyEdit(edit))) {
      await explain(`${tests.fsPath} could not be written.`);
      return;
    }
    await (await show(tests)).save();
    this.#written(document.uri, tests);
    await inform(writtenWords(result), extras);
  }

  async run({ file, model }: Asked): Promise<void> {
    const found = await this.#found(file);
    if (!found) return;
    const { document, client } = found;
    const result = await withProgress(
      client,
      { title: `Running the properties of ${nameOf(document)}`, stopped: "The run was stopped." },
      (workDoneToken) => {
        const params: RunPropertiesParams = { uri: document.uri.toString(), model, only: null, workDoneToken };
        return client.sendRequest<RunPropertiesResult>(RUN_PROPERTIES, params);
      },
    );
    if (result) await inform(ranWords(result), { "Show the tests": () => show(Uri.parse(result.tests)) });
  }

  async #found(
    file: unknown,
  ): Promise<{ readonly document: TextDocument; readonly client: LanguageClient } | undefined> {
    const document = await modelFile(file);
    if (!document) return undefined;
    if (document.isUntitled) return explain("Save the file first: its name says which data and tests belong to it.");
    const client = await running(this.#server);
    return client && { document, client };
  }
}

async function show(tests: Uri): Promise<TextDocument> {
  const document = await workspace.openTextDocument(tests);
  await window.showTextDocument(document, { preview: false });
  return document;
}

function nameOf({ uri }: { readonly uri: Uri }): string {
  return uri.path.split("/").at(-1) ?? uri.path;
}
