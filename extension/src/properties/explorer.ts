/** The property tests of models in the Test Explorer: a file of tests, and the tests in it. */
import {
  Location,
  Position,
  Range,
  TestMessage,
  TestRunProfileKind,
  tests,
  Uri,
  workspace,
  type CancellationToken,
  type Disposable,
  type TestController,
  type TestItem,
  type TestRun,
  type TestRunRequest,
  type TextDocument,
} from "vscode";
import { running } from "../commands/guard";
import { isModel, modelsOfConfiguration } from "../models";
import type { Server } from "../server/server";
import {
  PROPERTY_TESTS,
  RUN_PROPERTIES,
  type PropertyOutcome,
  type PropertyTestsParams,
  type PropertyTestsResult,
  type RunPropertiesParams,
  type RunPropertiesResult,
} from "../shared/messages";
import { byTest, ranWords, testsName } from "./words";

export class PropertyExplorer implements Disposable {
  readonly #server: Server;
  readonly #controller: TestController;
  readonly #models = new WeakMap<TestItem, Uri>();
  readonly #disposables: Disposable[];

  constructor(server: Server) {
    this.#server = server;
    this.#controller = tests.createTestController("cwm.properties", "Properties of world models");
    this.#controller.resolveHandler = (item) => (item ? this.#fill(item) : this.#find());
    this.#controller.refreshHandler = () => this.#refresh();
    // Not among what *Run All Tests* runs: that is for the check, which takes no time.
    const profile = this.#controller.createRunProfile("Run properties", TestRunProfileKind.Run, (request, token) =>
      this.#run(request, token),
    );
    this.#disposables = [
      this.#controller,
      profile,
      workspace.onDidOpenTextDocument((document) => void this.#opened(document)),
      workspace.onDidSaveTextDocument(({ uri }) => void this.#saved(uri)),
    ];
    void this.#find();
  }

  dispose(): void {
    for (const disposable of this.#disposables) disposable.dispose();
  }

  /** There are tests of a model. */
  add(model: Uri, file: Uri): TestItem {
    const id = file.toString();
    const known = this.#controller.items.get(id);
    if (known) return known;
    const item = this.#controller.createTestItem(id, file.path.split("/").at(-1) ?? id, file);
    item.description = `properties of ${workspace.asRelativePath(model)}`;
    item.canResolveChildren = true;
    this.#models.set(item, model);
    this.#controller.items.add(item);
    return item;
  }

  async #find(): Promise<void> {
    await Promise.all(workspace.textDocuments.map((document) => this.#opened(document)));
    await Promise.all((await modelsOfConfiguration()).map((model) => this.#look(model)));
  }

  async #opened(document: TextDocument): Promise<void> {
    if (await isModel(document)) await this.#look(document.uri);
  }

  async #refresh(): Promise<void> {
    this.#controller.items.replace([]);
    await this.#find();
  }

  /** Looks where the tests of a model are usually; no server is needed for that. */
  async #look(model: Uri): Promise<void> {
    const folder = workspace.getWorkspaceFolder(model);
    if (!folder) return;
    const file = Uri.joinPath(folder.uri, testsName(model.path));
    const found = await workspace.fs.stat(file).then(
      () => true,
      () => false,
    );
    if (found) this.add(model, file);
  }

  async #saved(uri: Uri): Promise<void> {
    const item = this.#controller.items.get(uri.toString());
    if (item?.children.size) await this.#fill(item);
  }

  /** Lists the tests in a file. */
  async #fill(item: TestItem): Promise<void> {
    const model = this.#models.get(item);
    const client = await this.#server.ensure({ asked: false });
    if (!model || !client) return;
    await workspace.openTextDocument(model); // the server answers for open files
    const params: PropertyTestsParams = { uri: model.toString(), model: null };
    const { items } = await client.sendRequest<PropertyTestsResult>(PROPERTY_TESTS, params);
    item.children.replace(
      items.map(({ name, line }) => {
        const test = this.#controller.createTestItem(`${item.id}::${name}`, wordsOf(name), item.uri);
        test.range = new Range(line - 1, 0, line - 1, 0);
        return test;
      }),
    );
  }

  async #run(request: TestRunRequest, cancellation: CancellationToken): Promise<void> {
    const client = await running(this.#server);
    if (!client) return;
    const run = this.#controller.createTestRun(request, undefined, false);
    try {
      for (const [file, chosen] of this.#wanted(request)) {
        const model = this.#models.get(file);
        if (!model) continue;
        // One after the other: each takes a process and all of its time.
        // oxlint-disable-next-line no-await-in-loop
        if (!file.children.size) await this.#fill(file);
        for (const test of chosen ?? itemsOf(file)) run.started(test);
        // oxlint-disable-next-line no-await-in-loop
        await workspace.openTextDocument(model);
        const only = chosen?.map(nameOf) ?? null;
        const params: RunPropertiesParams = { uri: model.toString(), model: null, only };
        try {
          // oxlint-disable-next-line no-await-in-loop
          const result = await client.sendRequest<RunPropertiesResult>(RUN_PROPERTIES, params, cancellation);
          show(run, file, chosen ?? itemsOf(file), result);
        } catch (error) {
          if (cancellation.isCancellationRequested) return;
          run.errored(file, new TestMessage(error instanceof Error ? error.message : String(error)));
        }
      }
    } finally {
      run.end();
    }
  }

  /** The files that a request is about, with the tests in them; undefined for all of them. */
  #wanted(request: TestRunRequest): ReadonlyMap<TestItem, readonly TestItem[] | undefined> {
    const found = new Map<TestItem, readonly TestItem[] | undefined>();
    for (const item of request.include ?? [...this.#controller.items].map(([, file]) => file)) {
      if (!item.parent) found.set(item, undefined);
      else if (!found.has(item.parent)) found.set(item.parent, [item]);
      else {
        const others = found.get(item.parent);
        if (others) found.set(item.parent, [...others, item]);
      }
    }
    return found;
  }
}

/** Shows what came of the tests of a file. */
function show(run: TestRun, file: TestItem, wanted: readonly TestItem[], result: RunPropertiesResult): void {
  run.appendOutput(`${ranWords(result)}\r\n`, undefined, file);
  if (result.problem !== null) {
    run.errored(file, new TestMessage(ranWords(result)));
    return;
  }
  const outcomes = byTest(result.outcomes);
  for (const item of wanted) {
    const found = outcomes.get(nameOf(item)) ?? [];
    const milliseconds = 1000 * found.reduce((sum, { seconds }) => sum + seconds, 0);
    const messages = found.flatMap((outcome) => messagesOf(outcome, item));
    if (found.some(({ status }) => status === "failed")) run.failed(item, messages, milliseconds);
    else if (found.some(({ status }) => status === "unfinished")) run.errored(item, messages, milliseconds);
    else if (found.some(({ status }) => status === "passed")) run.passed(item, milliseconds);
    else run.skipped(item);
  }
}

function messagesOf({ failures, status, reason }: PropertyOutcome, { uri, range }: TestItem): TestMessage[] {
  if (status === "unfinished") return [new TestMessage(reason ?? "It did not finish in time.")];
  return failures.map(({ message, line }) => {
    const told = new TestMessage(message);
    if (uri) told.location = new Location(uri, new Position(line === null ? (range?.start.line ?? 0) : line - 1, 0));
    return told;
  });
}

function itemsOf(file: TestItem): readonly TestItem[] {
  return [...file.children].map(([, item]) => item);
}

function nameOf({ id }: TestItem): string {
  return id.split("::").at(-1) ?? id;
}

/** A test by what it states. */
function wordsOf(name: string): string {
  return name.replace(/^test_/, "").replaceAll("_", " ");
}
