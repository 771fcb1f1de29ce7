/** What a check of a file shows, model by model and episode by episode. */
import type { CancellationToken, TextDocument } from "vscode";
import type { LanguageClient } from "vscode-languageclient/node";
import {
  CHECK,
  DATASET,
  FAILURES,
  type CheckParams,
  type CheckResult,
  type DatasetParams,
  type DatasetResult,
  type FailuresParams,
  type FailuresResult,
} from "../shared/messages";
import type { Dataset } from "../shared/trajectories";
import type { StepFailure } from "../shared/trajectories";

export interface Results {
  readonly outcome: string;
  readonly report: unknown;
  readonly datasets: readonly Dataset[];
}

/** Checks a file and asks for its episodes. */
export async function resultsOf(
  client: LanguageClient,
  document: TextDocument,
  cancellation: CancellationToken,
): Promise<Results> {
  const uri = document.uri.toString();
  const params: CheckParams = { uri };
  const { outcome, report } = await client.sendRequest<CheckResult>(CHECK, params, cancellation);
  return { outcome, report, datasets: outcome === "checked" ? await datasetsOf(client, uri) : [] };
}

/** The data of all models of a file, as far as they were run. */
export async function datasetsOf(client: LanguageClient, uri: string): Promise<readonly Dataset[]> {
  const ask = (model: string | null): Promise<DatasetResult> => {
    const params: DatasetParams = { uri, model };
    return client.sendRequest<DatasetResult>(DATASET, params);
  };
  const first = await ask(null);
  const others = first.models.filter((model) => model !== first.dataset["model"]);
  const found = [first, ...(await Promise.all(others.map(ask)))];
  return found.map(({ dataset }) => dataset as unknown as Dataset);
}

export async function failuresOf(
  client: LanguageClient,
  uri: string,
  model: string,
  episode: number,
  count: number,
): Promise<readonly StepFailure[]> {
  const params: FailuresParams = { uri, model, episode, count };
  const { failures } = await client.sendRequest<FailuresResult>(FAILURES, params);
  return failures as unknown as readonly StepFailure[];
}
