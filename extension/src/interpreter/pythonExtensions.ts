/** The interpreter chosen in the Python Environments extension, or in the Python extension. Neither is required. */
import { extensions, type Disposable, type Event, type Uri } from "vscode";

interface Provider {
  readonly name: string;
  readonly onDidChange: (listener: () => void) => Disposable;
  /** Only asked for a folder or file: without one, these extensions would search the whole machine. */
  readonly interpreterOf: (scope: Uri) => Promise<string | undefined>;
}

/** `ms-python.vscode-python-envs`, as far as it is used here. */
interface EnvironmentsApi {
  getEnvironment(
    scope: Uri,
  ): Promise<{ readonly execInfo?: { readonly run?: { readonly executable?: string } } } | undefined>;
  readonly onDidChangeEnvironment?: Event<unknown>;
}

/** `ms-python.python`, as far as it is used here. */
interface PythonApi {
  readonly environments: {
    getActiveEnvironmentPath(scope: Uri): { readonly id: string; readonly path: string };
    resolveEnvironment(
      path: unknown,
    ): Promise<{ readonly executable: { readonly uri?: { readonly fsPath: string } } } | undefined>;
    readonly onDidChangeActiveEnvironmentPath: Event<unknown>;
  };
}

/** The providers that are installed, in the order in which they are asked. */
export async function providers(): Promise<readonly Provider[]> {
  const found = await Promise.all([environments(), python()]);
  return found.filter((provider) => provider !== undefined);
}

async function environments(): Promise<Provider | undefined> {
  const api = await activated<EnvironmentsApi>("ms-python.vscode-python-envs");
  if (typeof api?.getEnvironment !== "function") return undefined;
  return {
    name: "the Python Environments extension",
    onDidChange: (listener) => api.onDidChangeEnvironment?.(listener) ?? { dispose() {} },
    interpreterOf: async (scope) => (await api.getEnvironment(scope))?.execInfo?.run?.executable,
  };
}

async function python(): Promise<Provider | undefined> {
  const environmentsApi = (await activated<PythonApi>("ms-python.python"))?.environments;
  if (typeof environmentsApi?.getActiveEnvironmentPath !== "function") return undefined;
  return {
    name: "the Python extension",
    onDidChange: (listener) => environmentsApi.onDidChangeActiveEnvironmentPath(listener),
    interpreterOf: async (scope) => {
      const path = environmentsApi.getActiveEnvironmentPath(scope);
      return (await environmentsApi.resolveEnvironment(path))?.executable.uri?.fsPath;
    },
  };
}

/** What an extension exports; undefined where it is missing or does not start. */
async function activated<T>(id: string): Promise<T | undefined> {
  try {
    return (await extensions.getExtension<T>(id)?.activate()) as T | undefined;
  } catch {
    return undefined;
  }
}
