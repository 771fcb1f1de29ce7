/** The page of a webview: one bundled script and style, and a policy that allows nothing else. */

import { randomBytes } from "node:crypto";
import { Uri, type Webview, type WebviewOptions } from "vscode";

/** Where the bundles lie. */
export function bundles(extension: Uri): Uri {
  return Uri.joinPath(extension, "extension", "dist", "webviews");
}

/** What every webview is allowed. */
export function options(extension: Uri): WebviewOptions {
  return { enableScripts: true, localResourceRoots: [bundles(extension)] };
}

/**
 * The page that shows one of the bundles.
 *
 * @param name Of the bundle's files, without extension.
 */
export function page(webview: Webview, extension: Uri, name: string): string {
  const nonce = randomBytes(18).toString("base64url");
  const at = (file: string): string => webview.asWebviewUri(Uri.joinPath(bundles(extension), file)).toString();
  const policy = [
    "default-src 'none'",
    `script-src 'nonce-${nonce}'`,
    `style-src ${webview.cspSource}`,
    "base-uri 'none'",
    "form-action 'none'",
  ].join("; ");
  return `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="stylesheet" href="${at(`${name}.css`)}">
</head>
<body>
<script nonce="${nonce}" src="${at(`${name}.js`)}"></script>
</body>
</html>`;
}
