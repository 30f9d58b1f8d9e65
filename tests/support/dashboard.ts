/**
 * The dashboard in a real browser on a server of its own: pages with the key, what must not happen on them, rules of
 * accessibility, and pictures of every state that a test comes to, for a look (`.screenshots/`, which git ignores).
 */
import assert from "node:assert/strict";
import axe from "axe-core";
import type { Browser, Page } from "playwright-core";
import { root } from "./imports.ts";
import { hasBrowser, openBrowser, watch } from "./browser.ts";
import { startServer, type TestServer } from "./server.ts";

const FOLDER = `${root}.screenshots`;

export interface View {
  width?: number;
  height?: number;
  dark?: boolean;
}

/** The three looks of every page. */
export const LOOKS: Record<string, View> = {
  wide: { width: 1440, height: 900 },
  phone: { width: 390, height: 844 },
  dark: { width: 1440, height: 900, dark: true },
};

/** Pictures come when they are in view: goes through the page, waits a little for those on their way, and back. */
const THROUGH = `(async () => {
  const { scrollY } = window;
  const rest = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
  for (let y = 0; y < document.documentElement.scrollHeight; y += innerHeight) {
    scrollTo(0, y);
    await rest(60);
  }
  const waiting = () => document.querySelector(".picture[data-state=waiting]");
  for (let i = 0; i < 60 && waiting(); i++) await rest(50);
  scrollTo(0, 0);
  await rest(60);
})()`;

export class Dashboard {
  constructor(readonly server: TestServer, readonly browser: Browser) {}

  /**
   * A page with the key; what goes wrong on it is an error of `check`.
   * @param expected console errors that the test provokes on purpose
   */
  async page(view: View = {}, expected = /^$/): Promise<Sight> {
    const context = await this.browser.newContext({
      viewport: { width: view.width ?? 1440, height: view.height ?? 900 },
      colorScheme: view.dark ? "dark" : "light",
      reducedMotion: "reduce",
    });
    const page = await context.newPage();
    page.setDefaultTimeout(20_000);
    const problems = watch(page, this.server.url, { expected });
    await page.addInitScript((key) => sessionStorage.setItem("mcgip-key", key), this.server.key);
    return new Sight(this, page, problems);
  }
}

/** One page and what has been wrong on it. */
export class Sight {
  constructor(readonly of: Dashboard, readonly page: Page, readonly problems: string[]) {}

  /** Opens an address, `d/NAME/data?label=x`, and waits until it is shown. */
  async open(address: string): Promise<void> {
    await this.page.goto(`${this.of.server.url}/#/${address}`);
    await this.shown();
  }

  async shown(): Promise<void> {
    await this.page.locator("main:not([aria-busy]) h1").first().waitFor();
  }

  /** Keeps a picture of the page. */
  async keep(name: string): Promise<void> {
    Deno.mkdirSync(FOLDER, { recursive: true });
    await this.page.evaluate(THROUGH);
    await this.page.screenshot({ path: `${FOLDER}/${name}.png`, fullPage: true });
  }

  /** Nothing on the console, no request elsewhere, no rule of accessibility broken, nothing wider than the page. */
  async check(state: string): Promise<void> {
    assert.deepEqual(this.problems.splice(0), [], state);
    const size = await this.page.evaluate("[innerWidth, document.documentElement.scrollWidth]");
    const [inner, whole] = size as [number, number];
    assert.ok(whole <= inner, `${state} is ${whole} px wide in a window of ${inner} px`);
    assert.deepEqual(await this.broken(), [], state);
  }

  /** Rules of axe that the page breaks now, with the places. */
  async broken(): Promise<string[]> {
    await this.page.evaluate(axe.source);
    const found = await this.page.evaluate("axe.run(document)") as {
      violations: { id: string; nodes: { html: string; failureSummary?: string }[] }[];
    };
    return found.violations.flatMap(({ id, nodes }) =>
      nodes.slice(0, 3).map(({ html, failureSummary = "" }) =>
        `${id}: ${html.slice(0, 160)} ${failureSummary.replace(/\s+/g, " ").slice(0, 200)}`
      )
    );
  }

  async close(): Promise<void> {
    await this.page.context().close();
  }
}

/** A test with a dashboard whose server has a data directory of its own, filled by `prepare` before the start. */
export function dashboardTest(
  name: string,
  run: (dashboard: Dashboard, t: Deno.TestContext) => Promise<void>,
  prepare: (data: string) => void | Promise<void> = () => {},
): void {
  Deno.test({
    name: hasBrowser ? name : `${name} (skipped: no Chromium at /usr/bin/chromium)`,
    ignore: !hasBrowser,
    sanitizeOps: false,
    sanitizeResources: false,
    async fn(t) {
      const data = Deno.makeTempDirSync();
      await prepare(data);
      const server = await startServer({ data });
      const browser = await openBrowser();
      try {
        await run(new Dashboard(server, browser), t);
      } finally {
        await browser.close();
        await server.stop();
        Deno.removeSync(data, { recursive: true });
      }
    },
  });
}
