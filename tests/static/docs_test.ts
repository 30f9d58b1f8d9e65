/** The page of the API's description in a real browser: all operations, nothing that the page's policy refuses. */
import assert from "node:assert/strict";
import { routes } from "@/routes/mod.ts";
import { hasBrowser, openBrowser, watch } from "../support/browser.ts";
import { withServer } from "../support/server.ts";

Deno.test({
  name: hasBrowser
    ? "docs: every operation is shown, one opens, nothing comes from elsewhere"
    : "docs (skipped: no Chromium at /usr/bin/chromium)",
  ignore: !hasBrowser,
  sanitizeOps: false,
  sanitizeResources: false,
  fn: () =>
    withServer(async (server) => {
      const browser = await openBrowser();
      try {
        const page = await browser.newPage();
        const wrong = watch(page, server.url, { expected: /^$/ });
        await page.addInitScript(
          "globalThis.violations = [];" +
            "addEventListener('securitypolicyviolation', (e) => violations.push(e.blockedURI))",
        );
        await page.goto(`${server.url}/docs`);
        await page.locator(".opblock").nth(routes.length - 1).waitFor();
        assert.equal(await page.locator(".opblock").count(), routes.length);
        const one = page.locator("#operations-Jobs-createJob");
        await one.locator(".opblock-summary-control").click();
        await one.getByText("Idempotency-Key").first().waitFor();
        await one.locator(".responses-wrapper").waitFor();
        // A request from the page is answered, too.
        await page.locator("#operations-Server-getHealth .opblock-summary-control").click();
        const health = page.locator("#operations-Server-getHealth");
        await health.getByRole("button", { name: "Try it out" }).click();
        await health.getByRole("button", { name: "Execute" }).click();
        await health.locator(".live-responses-table").getByText('"ok"').first().waitFor();
        assert.deepEqual(await page.evaluate("violations"), []);
        assert.deepEqual(wrong, []);
      } finally {
        await browser.close();
      }
    }),
});
