/** The Test Explorer: a model file is a test that its episodes pass. */
import {
  commands,
  CancellationTokenSource,
  Location,
  Position,
  Range,
  TestMessage,
  TestRunProfileKind,
  TestRunRequest,
  tests,
  workspace,
  type CancellationToken,
  type Disposable,
  type TestController,
  type TestItem,
  type TestRun,
  type TextDocument,
  type Uri,
} from "vscode";
import type { LanguageClient } from "vscode-languageclient/node";
import { running, whyNot } from "../commands/guard";
import { forEach } from "../forEach";
import { isModel, modelsOfConfiguration } from "../models";
import { Serial } from "../serial";
import type { Server } from "../server/server";
import type { Dataset } from "../shared/trajectories";
import type { Status } from "../status/status";
import { coverageOf, ModelCoverage } from "./coverage";
import { failingFirst, isRight, messageOf } from "./episodes";
import { Items } from "./items";
import { sides, summary } from "./layout";
import { blamedLine, modelLine } from "./places";
import { datasetsOf, failuresOf, resultsOf, type Results } from "./results";

/** Of so many failing episodes the first steps are shown in a run; those of others when they are opened. */
const MOST_SHOWN = 20;
const STEPS_SHOWN = 10;
const STEPS_LISTED = 100;
/** So many files are checked at once; each takes a process of its own. */
const AT_ONCE = 2;

export class Explorer implements Disposable {
  readonly #server: Server;
  readonly #status: Status;
  readonly #controller: TestController;
  readonly #items: Items;
  readonly #disposables: Disposable[] = [];

  constructor(server: Server, status: Status) {
    this.#server = server;
    this.#status = status;
    this.#controller = tests.createTestController("cwm", "World models");
    this.#items = new Items(this.#controller);
    this.#controller.resolveHandler = (item) => this.#resolve(item);
    this.#controller.refreshHandler = () => this.#resolve(undefined);
    const run = this.#controller.createRunProfile(
      "Check",
      TestRunProfileKind.Run,
      (request, cancellation) => this.#run(request, cancellation),
      true,
      undefined,
      true,
    );
    const coverage = this.#controller.createRunProfile(
      "Check with coverage",
      TestRunProfileKind.Coverage,
      (request, cancellation) => this.#run(request, cancellation),
    );
    coverage.loadDetailedCoverage = (_run, file) =>
      Promise.resolve(file instanceof ModelCoverage ? [...file.details] : []);
    const debug = this.#controller.createRunProfile("Debug", TestRunProfileKind.Debug, (request) =>
      this.#debug(request),
    );
    this.#disposables.push(
      this.#controller,
      run,
      coverage,
      debug,
      workspace.onDidOpenTextDocument((document) => void this.#add(document)),
    );
    for (const document of workspace.textDocuments) void this.#add(document);
  }

  dispose(): void {
    for (const disposable of this.#disposables) disposable.dispose();
  }

  async #add(document: TextDocument): Promise<void> {
    if (document.uri.scheme === "file" && (await isModel(document))) this.#items.file(document.uri);
  }

  /** Lists what is below an item; below nothing, the files that are known to be models. */
  async #resolve(item: TestItem | undefined): Promise<void> {
    if (!item) {
      for (const uri of await modelsOfConfiguration()) this.#items.file(uri);
      return;
    }
    const place = this.#items.placeOf(item);
    const client = await this.#server.ensure({ asked: false });
    if (!place || !client) return;
    if (place.kind === "file") {
      // Listed by a run: to list them anew would take its results away.
      if (item.children.size) return;
      const document = await workspace.openTextDocument(place.uri);
      const { token } = new CancellationTokenSource();
      const { datasets } = await resultsOf(client, document, token);
      this.#items.fill(item, document, datasets);
    } else if (place.kind === "episode") {
      const { uri, model, episode } = place;
      this.#items.fillSteps(item, await failuresOf(client, uri.toString(), model, episode, STEPS_LISTED), STEPS_LISTED);
    }
  }

  async #run(request: TestRunRequest, cancellation: CancellationToken): Promise<void> {
    const client = await running(this.#server);
    if (!client) return;
    const files = await this.#files(request);
    if (request.continuous) this.#follow(client, request, files, cancellation);
    await this.#report(request, files, (file) => this.#check(client, file, cancellation));
  }

  /** Reports every check of some files until that is cancelled; what is said is of one check, so one is reported at a time. */
  #follow(
    client: LanguageClient,
    request: TestRunRequest,
    files: readonly TestItem[],
    cancellation: CancellationToken,
  ): void {
    const reports = new Serial();
    const listening = this.#status.onDidChange(({ uri, stale, state }) => {
      const file = files.find(({ id }) => id === uri);
      if (!file || stale || state !== "complete") return;
      const again = new TestRunRequest([file], undefined, request.profile, true);
      void reports.run(uri, () =>
        this.#report(again, [file], async () => ({
          outcome: "checked",
          report: {},
          datasets: await datasetsOf(client, uri),
        })),
      );
    });
    cancellation.onCancellationRequested(() => listening.dispose());
  }

  async #check(client: LanguageClient, file: TestItem, cancellation: CancellationToken): Promise<Results> {
    const document = await workspace.openTextDocument(uriOf(file));
    return resultsOf(client, document, cancellation);
  }

  /** One run that shows what was found of some files. */
  async #report(
    request: TestRunRequest,
    files: readonly TestItem[],
    results: (file: TestItem) => Promise<Results>,
  ): Promise<void> {
    const run = this.#controller.createTestRun(request, undefined, false);
    try {
      for (const file of files) run.enqueued(file);
      await forEach(files, AT_ONCE, async (file) => {
        try {
          run.started(file);
          await this.#show(run, file, await results(file));
          if (request.profile?.kind === TestRunProfileKind.Coverage) await this.#cover(run, file);
        } catch (error) {
          if (run.token.isCancellationRequested) run.skipped(file);
          else run.errored(file, new TestMessage(error instanceof Error ? error.message : String(error)));
        }
      });
    } finally {
      run.end();
    }
  }

  async #show(run: TestRun, file: TestItem, { outcome, report, datasets }: Results): Promise<void> {
    const document = await workspace.openTextDocument(uriOf(file));
    if (outcome !== "checked" || !datasets.length) {
      run.errored(file, new TestMessage(whyNot(outcome) ?? "The model could not be run; the Problems panel says why."));
      return;
    }
    this.#items.fill(file, document, datasets);
    await Promise.all(datasets.map((dataset) => this.#showModel(run, file, document, dataset, report)));
    const wrong = datasets.filter((dataset) => !isRight(dataset));
    if (wrong.length)
      run.failed(
        file,
        wrong.map((dataset) => new TestMessage(messageOf(dataset))),
      );
    else run.passed(file);
    run.appendOutput(datasets.map((dataset) => `${messageOf(dataset)}\r\n`).join(""), undefined, file);
  }

  async #cover(run: TestRun, file: TestItem): Promise<void> {
    const { client } = this.#server;
    const coverage = client && (await coverageOf(client, await workspace.openTextDocument(uriOf(file))));
    if (coverage) run.addCoverage(coverage);
  }

  async #showModel(
    run: TestRun,
    file: TestItem,
    document: TextDocument,
    dataset: Dataset,
    report: unknown,
  ): Promise<void> {
    const model = file.children.get(`${file.id}::${dataset.model}`);
    const parent = model ?? file;
    const shown = new Set(failingFirst(dataset, MOST_SHOWN));
    await Promise.all(
      dataset.episodes.map(async ({ episode, failing, checked, steps }) => {
        const item = parent.children.get(`${file.id}::${dataset.model}/${episode}`);
        if (!item) return;
        if (!checked) run.skipped(item);
        else if (!failing) run.passed(item);
        else if (shown.has(episode)) await this.#showSteps(run, item, document, dataset.model, report);
        else run.failed(item, new TestMessage(`${failing} of ${steps} steps are predicted wrongly`));
      }),
    );
    if (!model) return;
    if (isRight(dataset)) run.passed(model);
    else run.failed(model, new TestMessage(messageOf(dataset)));
  }

  async #showSteps(
    run: TestRun,
    item: TestItem,
    document: TextDocument,
    model: string,
    report: unknown,
  ): Promise<void> {
    const place = this.#items.placeOf(item);
    const { client } = this.#server;
    if (place?.kind !== "episode" || !client) return;
    const failures = await failuresOf(client, document.uri.toString(), model, place.episode, STEPS_SHOWN);
    this.#items.fillSteps(item, failures, STEPS_SHOWN);
    const messages = failures.map((failure) => {
      const { expected, predicted } = sides(failure);
      const message = TestMessage.diff(`Episode ${place.episode}, ${summary(failure)}`, expected, predicted);
      const line = blamedLine(report, model, failure.differs) ?? modelLine(document.getText(), model);
      message.location = new Location(document.uri, new Range(new Position(line, 0), new Position(line, 0)));
      return { failure, message };
    });
    for (const { failure, message } of messages) {
      const step = item.children.get(`${item.id}/${failure.step}`);
      if (step) run.failed(step, message);
    }
    const [first] = messages;
    if (first) run.failed(item, first.message);
  }

  async #debug(request: TestRunRequest): Promise<void> {
    const client = await running(this.#server);
    const [item] = request.include ?? [...this.#controller.items].map(([, file]) => file);
    const place = item && this.#items.placeOf(item);
    if (!client || !place) return;
    const uri = place.uri.toString();
    if (place.kind === "file" || place.kind === "model") {
      await commands.executeCommand("cwm.debugMismatch", { uri });
      return;
    }
    const { model, episode } = place;
    const failure = place.kind === "step" ? place.failure : (await failuresOf(client, uri, model, episode, 1))[0];
    await commands.executeCommand("cwm.debugMismatch", { uri, model, episode, step: failure?.step ?? 0 });
  }

  /** The files that a request is about. */
  async #files(request: TestRunRequest): Promise<readonly TestItem[]> {
    if (!request.include) {
      await this.#resolve(undefined);
      return [...this.#controller.items].map(([, file]) => file);
    }
    const places = request.include.map((item) => this.#items.placeOf(item)).filter((place) => place !== undefined);
    return [...new Set(places.map(({ uri }) => uri.toString()))]
      .map((id) => this.#controller.items.get(id))
      .filter((file) => file !== undefined);
  }
}

function uriOf(file: TestItem): Uri {
  if (!file.uri) throw new Error(`${file.id} is no file`);
  return file.uri;
}
