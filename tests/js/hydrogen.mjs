/*
 * hydrogen-view-sdk 0.3.1 in Chromium: signs in, shows a room, speaks, and hears ann. Its
 * library for encryption is left out. argv: base URL, ann's token, room, a user, a
 * password, Chromium, and where the picture goes ("": nowhere).
 */
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { chromium } from "playwright-core";
import common from "./ann.cjs";

const { baseUrl, roomId, ask, say, check, tell, within } = common;
const [user, password, browser, picture] = process.argv.slice(5);
const here = dirname(fileURLToPath(import.meta.url));
const sdk = join(here, "node_modules/hydrogen-view-sdk");
const FLAGS = ["--no-sandbox", "--disable-gpu", "--no-first-run",
	"--disable-background-networking", "--disable-component-update", "--disable-sync"];

const noCrypto = { name: "no-crypto", setup(builder) {
	builder.onResolve({ filter: /^@matrix-org\/olm/ }, () => ({ path: "olm", namespace: "none" }));
	builder.onLoad({ filter: /.*/, namespace: "none" }, () => ({ contents: "export default {};" }));
} };

async function files() {
	const made = await build({ entryPoints: [join(here, "hydrogen_page.js")], bundle: true,
		format: "esm", write: false, logLevel: "error", plugins: [noCrypto] });
	const story = JSON.stringify({ homeserver: baseUrl, user, password, roomId });
	return new Map([
		["/", ["text/html", `<!doctype html><meta charset="utf-8">
			<link rel="stylesheet" href="theme.css">
			<div id="app" class="hydrogen" style="height: 420px"></div>
			<script>window.story = ${story};</script><script type="module" src="page.js"></script>`]],
		["/page.js", ["text/javascript", made.outputFiles[0].text]],
		["/sw.js", ["text/javascript", await readFile(join(sdk, "lib-build/sw.js"))]],
		["/theme.css", ["text/css",
			await readFile(join(sdk, "asset-build/assets/theme-element-light.css"))]]]);
}

tell(async () => {
	const site = await files();
	const server = createServer((request, response) => {
		const [type, body] = site.get(request.url) ?? ["text/plain", ""];
		response.writeHead(site.has(request.url) ? 200 : 404, { "Content-Type": type });
		response.end(body);
	});
	await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
	const folder = await mkdtemp(join(tmpdir(), "hydrogen-"));
	const context = await chromium.launchPersistentContext(folder, { executablePath: browser,
		headless: true, args: FLAGS, viewport: { width: 640, height: 440 } });
	try {
		const page = await context.newPage();
		const shows = (text) => within(page.getByText(text).first().waitFor(), text);
		await say("the kettle is on");
		await page.goto(`http://127.0.0.1:${server.address().port}/`);
		await page.waitForFunction(() => document.title !== "");
		check(await page.title() === "ready", await page.title());
		await shows("the kettle is on");
		await page.evaluate(() => window.say("hello from hydrogen"));
		await shows("hello from hydrogen");
		await say("one lump or two?");
		await shows("one lump or two?");
		const { chunk } = await ask("GET",
			`/rooms/${encodeURIComponent(roomId)}/messages?dir=b&limit=2`);
		check(chunk[1].content.body === "hello from hydrogen", "ann has heard it");
		if (picture) await page.screenshot({ path: picture });
	} finally {
		await context.close();
		server.close();
		await rm(folder, { recursive: true, force: true });
	}
});
