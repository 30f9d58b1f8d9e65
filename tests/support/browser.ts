/** Debian's Chromium, driven by the tests; nothing is downloaded. */
import { existsSync } from "node:fs";
import { type Browser, chromium, type Page } from "playwright-core";

const PATH = Deno.env.get("CHROMIUM") ?? "/usr/bin/chromium";

export const hasBrowser = existsSync(PATH);

export function openBrowser(): Promise<Browser> {
  return chromium.launch({
    executablePath: PATH,
    args: [
      "--no-sandbox",
      "--disable-gpu",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-default-apps",
      "--disable-sync",
      "--no-first-run",
      "--no-pings",
    ],
  });
}

/**
 * Collects what must not happen on a page: errors on the console (a refusal by the content policy is one),
 * exceptions, failed requests, requests to anywhere but `origin`.
 * @param options.expected console errors that the test provokes on purpose
 */
export function watch(page: Page, origin: string, options: { expected: RegExp }): string[] {
  const found: string[] = [];
  page.on("console", (message) => {
    if (message.type() === "error" && !options.expected.test(message.text())) {
      found.push(`console: ${message.text()} ${message.location().url}`);
    }
  });
  page.on("pageerror", (error) => found.push(`exception: ${error.message}`));
  page.on("request", (request) => {
    const url = request.url();
    if (!url.startsWith(origin) && !url.startsWith("blob:")) found.push(`request to ${url}`);
  });
  return found;
}

/**
 * Waits until a condition holds in the page. Playwright's own `waitForFunction` evaluates text later on,
 * which the page's content policy rightly refuses.
 * @param expression of JavaScript in the page
 */
export async function until(page: Page, expression: string, milliseconds = 60_000): Promise<void> {
  const end = Date.now() + milliseconds;
  while (!await page.evaluate(expression)) {
    if (Date.now() > end) throw new Error(`Cannot go on: not true in the page: ${expression}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/** How many of the images that match the selector have been loaded, as an expression for `until`. */
export function loaded(selector: string): string {
  return `[...document.querySelectorAll(${JSON.stringify(selector)})]` +
    `.filter((image) => image.naturalWidth > 0).length`;
}
