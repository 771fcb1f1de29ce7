// One workbench for the tests of a file: server and page are started once, and a failed test leaves a picture.
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join, resolve } from "node:path";
import { after, afterEach, before } from "node:test";
import { fileURLToPath } from "node:url";
import { chromium, type BrowserContext, type Page } from "playwright-core";
import { Server, type ServerOptions } from "./server.ts";
import { Workbench } from "./workbench.ts";

const HERE = dirname(dirname(fileURLToPath(import.meta.url)));
export const ROOT = resolve(HERE, "../..");
export const EXAMPLES = join(ROOT, "examples");

export interface SessionOptions extends Partial<ServerOptions> {
  /** Whether to open the folder as one that is trusted; "ask" leaves the dialog open. */
  readonly trust?: "ask" | "always";
  /** False for a workbench without the extension. */
  readonly extension?: boolean;
}

export interface Session {
  readonly server: Server;
  readonly page: Page;
  readonly workbench: Workbench;
  /** Saves a picture of the page under `screenshots/`. */
  picture(name: string): Promise<void>;
}

/** Starts a workbench before the tests of a file and ends it after them. */
export function session(file: string, options: SessionOptions = {}): Session {
  const name = basename(fileURLToPath(file), ".test.ts");
  const state: { server?: Server; context?: BrowserContext; page?: Page; workbench?: Workbench } = {};
  const profile = mkdtempSync(join(tmpdir(), "cwm-e2e-chromium-"));
  const outside = new Set<string>();
  const console: string[] = [];

  before(async () => {
    const server = await Server.start(serverOptions(options));
    state.server = server;
    const context = await openBrowser(profile);
    state.context = context;
    await context.grantPermissions(["clipboard-read", "clipboard-write"], { origin: server.origin });
    await context.route(
      (url) => url.protocol.startsWith("http") && url.origin !== server.origin,
      (route) => {
        outside.add(new URL(route.request().url()).host);
        return route.abort();
      },
    );
    const page = context.pages()[0] ?? (await context.newPage());
    page.setDefaultTimeout(90_000); // machines are busy
    page.on("console", (message) => console.push(`${message.type()}: ${message.text()}`));
    state.page = page;
    state.workbench = new Workbench(page);
    await page.goto(`${server.origin}/?folder=${encodeURIComponent(server.workspace)}`, { timeout: 90_000 });
    await page.locator(".monaco-workbench .statusbar").waitFor({ timeout: 90_000 });
  });

  afterEach(async (test) => {
    if (!("passed" in test) || test.passed) return;
    // Messages hide by themselves, and are often what says why.
    await state.workbench?.command("Notifications: Show Notifications").catch(() => {});
    await picture(`failed ${test.name}`);
  });

  after(async () => {
    try {
      await state.context?.close();
      assert.deepEqual([...outside], [], "the workbench asked for pages of other hosts");
      const uncaught = console.filter((line) => /stack trace: [\s\S]*\/code-world-models\./.test(line));
      assert.deepEqual(uncaught, [], "the extension threw what nobody caught");
    } finally {
      await state.server?.stop();
      rmSync(profile, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
    }
  });

  async function picture(title: string): Promise<void> {
    const folder = join(HERE, "screenshots", name);
    mkdirSync(folder, { recursive: true });
    await state.page?.screenshot({ path: join(folder, `${title.replaceAll(/[^\w-]+/g, "-")}.png`) });
  }

  return {
    get server() {
      return present(state.server);
    },
    get page() {
      return present(state.page);
    },
    get workbench() {
      return present(state.workbench);
    },
    picture,
  };
}

function serverOptions(options: SessionOptions): ServerOptions {
  return {
    workspace: options.workspace ?? { ".": EXAMPLES },
    vsix: [...(options.extension === false ? [] : [variable("CWM_E2E_VSIX")]), ...(options.vsix ?? [])],
    userSettings: { "security.workspace.trust.enabled": options.trust === "ask", ...options.userSettings },
    machineSettings: { "cwm.interpreter": variable("CWM_E2E_PYTHON"), ...options.machineSettings },
    environment: options.environment ?? {},
  };
}

/** A variable that `run.sh` sets. */
function variable(name: string): string {
  const value = process.env[name];
  assert(value, `${name} is not set; run the tests with make e2e`);
  return value;
}

function openBrowser(profile: string): Promise<BrowserContext> {
  return chromium.launchPersistentContext(profile, {
    executablePath: process.env["CHROMIUM"] ?? "/usr/bin/chromium",
    headless: true,
    viewport: { width: 1400, height: 900 },
    args: [
      "--headless",
      "--no-sandbox",
      "--no-first-run",
      "--disable-gpu",
      "--disable-quic",
      "--disable-sync",
      "--disable-dev-shm-usage",
      "--disable-background-networking",
      "--disable-component-update",
      "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",
    ],
  });
}

function present<T>(value: T | undefined): T {
  assert(value !== undefined, "the workbench was not started");
  return value;
}
