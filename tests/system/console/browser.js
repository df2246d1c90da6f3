// browser.js - one chromium, told what to do line by line; test_console.py is at the other end.
//
//     {"do": "open", "url": "http://127.0.0.1:1/", "width": 1280}   ->   {"value": null}
//     {"do": "text", "of": "#health"}                                ->   {"value": "Healthy"}
//
// Each line of standard input is one order, each line of standard output its answer: {"value"} or
// {"error"}.  Nothing here waits for time to pass; it waits for elements and conditions.
"use strict";

const readline = require("readline");
const path = require("path");

const { chromium } = require(path.join(process.argv[2], "node_modules", "playwright-core"));
const TIMEOUT_MS = Number(process.argv[3] || 30000);
const POLL_MS = 40;

const FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
  "--disable-component-update", "--disable-sync"];

let browser = null;
let context = null;
let page = null;
let told = { problems: [], hosts: [] };

const orders = {
  async open({ url, width = 1280, height = 900, dark = false }) {
    browser = browser || (await chromium.launch({ executablePath: process.argv[4], args: FLAGS }));
    if (context) await context.close();
    told = { problems: [], hosts: [] };
    const seen = told;
    context = await browser.newContext({ viewport: { width, height }, colorScheme: dark ? "dark" : "light", reducedMotion: "reduce" });
    context.setDefaultTimeout(TIMEOUT_MS);
    page = await context.newPage();
    page.on("console", (message) => { if (["error", "warning"].includes(message.type())) seen.problems.push(`${message.text()} ${message.location().url}`); });
    page.on("pageerror", (error) => seen.problems.push(String(error.stack || error)));
    page.on("dialog", (dialog) => { seen.problems.push(`a dialog: ${dialog.message()}`); dialog.dismiss(); });
    page.on("request", (request) => {
      const host = new URL(request.url()).host;
      if (!seen.hosts.includes(host)) seen.hosts.push(host);
    });
    await page.goto(url);
  },
  // From now on the page gets this answer for a path, and not the node's.
  async answer({ path: of, json }) {
    await page.route((url) => url.pathname === of, (route) => route.fulfill({ json }));
  },
  async reload() { await page.reload(); },
  async go({ to }) { await page.evaluate((hash) => { location.hash = hash; }, to); await page.waitForSelector("main h1"); },
  async seen() { return told; },
  async wait({ of }) { await page.waitForSelector(of); },
  // Until the text of an element, or of any that fits, matches.  Asked again and again from here: the
  // page's policy forbids what playwright's own waiting would run in it.
  async until({ of, matches, within = TIMEOUT_MS }) {
    const deadline = Date.now() + within;
    const look = ([selector, pattern]) => {
      const texts = [...document.querySelectorAll(selector)].map((one) => one.textContent);
      return texts.some((text) => new RegExp(pattern).test(text)) ? null : texts;
    };
    for (;;) {
      const texts = await page.evaluate(look, [of, matches]);
      if (texts === null) return;
      if (Date.now() > deadline) throw new Error(`not so, but: ${JSON.stringify(texts).slice(0, 600)}; the browser says ${JSON.stringify(told.problems).slice(0, 900)}`);
      await new Promise((done) => setTimeout(done, POLL_MS));
    }
  },
  async text({ of }) { return page.locator(of).first().textContent(); },
  async texts({ of }) { return page.locator(of).allTextContents(); },
  async count({ of }) { return page.locator(of).count(); },
  async click({ of, text }) { await (text === undefined ? page.locator(of) : page.locator(of).filter({ hasText: text })).first().click(); },
  async fill({ of, value }) { await page.fill(of, value); },
  async press({ key }) { await page.keyboard.press(key); },
  async type({ text }) { await page.keyboard.type(text); },
  async evaluate({ code }) { return page.evaluate(code); },
  async shot({ to, full = true }) { await page.screenshot({ path: to, fullPage: full }); },
  async end() { if (browser) await browser.close(); browser = context = page = null; },
};

(async () => {
  for await (const line of readline.createInterface({ input: process.stdin })) {
    let answer;
    try {
      const order = JSON.parse(line);
      answer = { value: (await orders[order.do](order)) ?? null };
    } catch (error) {
      answer = { error: String(error.message || error).slice(0, 2000) };
    }
    process.stdout.write(`${JSON.stringify(answer)}\n`);
  }
  await orders.end();
})();
