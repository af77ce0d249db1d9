/*
 * Chromium with a page that opens an EventSource, as anybody would write it. Prints what
 * the page tells, a line each: how its connection stands, and the events it has heard.
 * The page comes from a server of its own, so that all is cross-origin; the stream's
 * address is in the page's. Ends with its standard input.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium } from "playwright-core";

const [browser, stream] = process.argv.slice(2);
const FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
	"--disable-background-networking", "--disable-component-update", "--disable-sync"];

const page = `<!doctype html>
<script>
const source = new EventSource(${JSON.stringify(stream)});
source.onopen = () => tell({ state: "open" });
source.onerror = () => tell({ state: source.readyState === 2 ? "closed" : "lost" });
source.addEventListener("m.room.message", (event) => {
	const { event_id, content } = JSON.parse(event.data);
	tell({ id: event.lastEventId, event_id, body: content.body });
});
</script>`;

const tell = (what) => process.stdout.write(`${JSON.stringify(what)}\n`);

const site = createServer((request, response) => {
	response.writeHead(200, { "Content-Type": "text/html; charset=utf-8" });
	response.end(page);
});
await new Promise((listening) => site.listen(0, "127.0.0.1", listening));

const folder = await mkdtemp(join(tmpdir(), "eventsource-"));
const context = await chromium.launchPersistentContext(folder, {
	executablePath: browser, headless: true, args: FLAGS });

async function end() {
	await context.close();
	site.close();
	await rm(folder, { recursive: true, force: true });
	process.exit(0);
}

process.stdin.on("end", end).resume();
const tab = await context.newPage();
await tab.exposeFunction("tell", tell);
await tab.goto(`http://127.0.0.1:${site.address().port}/`);
