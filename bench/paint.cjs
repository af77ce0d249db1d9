// Loads each URL so many times in Chromium, in changing turns, each time in a context of its own,
// and prints when its first content was painted: {url: {paint_ms, byte_ms, bytes}}.
// For bench/viewing.py; relies on playwright-core of tests/js.
const path = require("node:path");
const { chromium } = require(path.join(__dirname, "../tests/js/node_modules/playwright-core"));

const CHROMIUM = "/usr/bin/chromium";

// Runs in the page; resolves once there is a first contentful paint.
function firstPaint() {
  return new Promise((resolve) => {
    const observer = new PerformanceObserver((list) => {
      for (const entry of list.getEntriesByName("first-contentful-paint")) {
        const all = [...performance.getEntriesByType("navigation"),
          ...performance.getEntriesByType("resource")];
        resolve({
          paint: entry.startTime,
          byte: all[0].responseStart,
          bytes: all.reduce((sum, one) => sum + one.transferSize, 0),
        });
      }
    });
    observer.observe({ type: "paint", buffered: true });
  });
}

async function load(browser, url) {
  const context = await browser.newContext();
  try {
    const page = await context.newPage();
    await page.goto(url, { waitUntil: "load" });
    return await page.evaluate(firstPaint);
  } finally {
    await context.close();
  }
}

async function main([times, ...urls]) {
  const browser = await chromium.launch({ executablePath: CHROMIUM, args: ["--no-sandbox"] });
  const found = Object.fromEntries(urls.map((url) => [url, { paint_ms: [], byte_ms: [] }]));
  for (const url of urls) await load(browser, url); // what Chromium itself does once
  for (let n = 0; n < Number(times); n++)
    for (const url of n % 2 ? [...urls].reverse() : urls) {
      const got = await load(browser, url);
      found[url].paint_ms.push(got.paint);
      found[url].byte_ms.push(got.byte);
      found[url].bytes = got.bytes;
    }
  await browser.close();
  console.log(JSON.stringify(found));
}

main(process.argv.slice(2));
