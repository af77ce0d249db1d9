/*
 * Chromium with pages of the viewer, played by test_viewer_browser.py: a command is one
 * line of JSON on standard input, its answer one on standard output. Ends with its input.
 * What a page does that it must not is kept for each tab: `heard` tells.
 */
import { readFile } from "node:fs/promises";
import { createInterface } from "node:readline";
import { chromium } from "playwright-core";

const [executablePath] = process.argv.slice(2);
const FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
	"--disable-background-networking", "--disable-component-update", "--disable-sync"];
const WITHIN_MS = 30000;

const axe = await readFile(new URL("./node_modules/axe-core/axe.min.js", import.meta.url), "utf8");
const browser = await chromium.launch({ executablePath, headless: true, args: FLAGS });
const tabs = new Map();

function listen(tab) {
	const { page, heard } = tab;

	page.on("console", (message) => {
		if (["error", "warning"].includes(message.type()))
			heard.console.push(`${message.text()} (${message.location().url})`);
	});
	page.on("pageerror", (error) => heard.console.push(String(error)));
	page.on("dialog", (dialog) => {
		heard.ran.push(`dialog ${dialog.message()}`);
		dialog.dismiss();
	});
	page.on("popup", (popup) => heard.ran.push(`popup ${popup.url()}`));
	tab.context.on("request", (request) => heard.requests.push(request.url()));
}

/* options: as newContext has them, and size: [width, height] */
async function open({ name, url, options = {} }) {
	const { size = [1280, 800], ...more } = options;
	const context = await browser.newContext({
		viewport: { width: size[0], height: size[1] }, locale: "en", ...more });
	const page = await context.newPage();
	const tab = { context, page, heard: { console: [], ran: [], requests: [] } };

	page.setDefaultTimeout(WITHIN_MS);
	listen(tab);
	if (more.javaScriptEnabled !== false) {
		await page.exposeFunction("pwned", (n) => { tab.heard.ran.push(`payload ${n}`); });
		await page.exposeFunction("violated", (what) => { tab.heard.console.push(what); });
		await page.addInitScript(() => {
			document.addEventListener("securitypolicyviolation", (event) =>
				violated(`violates ${event.violatedDirective}: ${event.blockedURI}`));
		});
	}
	tab.devtools = await context.newCDPSession(page);
	tabs.set(name, tab);
	await page.goto(url);
	return page.url();
}

/* By the debugger, which no policy of a page is for. */
async function evaluate({ devtools }, expression) {
	const { result, exceptionDetails } = await devtools.send("Runtime.evaluate", {
		expression, awaitPromise: true, returnByValue: true });

	if (exceptionDetails)
		throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
	return result.value;
}

/* Once the page is such that it is true. */
const until = (tab, expression) => evaluate(tab, `new Promise((done, fail) => {
	const look = () => {
		const found = (${expression});
		if (!found)
			return;
		observer.disconnect();
		clearTimeout(timer);
		done(found);
	};
	const observer = new MutationObserver(look);
	const timer = setTimeout(() => fail(new Error("not in time; " +
		document.body.innerText.slice(-3000))), ${WITHIN_MS});
	observer.observe(document, { subtree: true, childList: true, attributes: true,
		characterData: true });
	look();
})`);

async function act({ page }, steps) {
	for (const [what, ...args] of steps)
		await (page[what] ? page[what](...args) : page.keyboard[what](...args));
	return page.url();
}

/* What is wrong, and serious. */
async function check(tab) {
	await evaluate(tab, `${axe}; 0`);
	return evaluate(tab, `axe.run(document, { resultTypes: ["violations"] }).then((found) =>
		found.violations.filter(({ impact }) => ["serious", "critical"].includes(impact))
		.map(({ id, nodes }) => [id, nodes.slice(0, 3).map((node) =>
			node.html.slice(0, 300) + " " + node.failureSummary)]))`);
}

const commands = {
	open,
	go: async ({ name, url }) => {
		await tabs.get(name).page.goto(url);
		return tabs.get(name).page.url();
	},
	evaluate: ({ name, code }) => evaluate(tabs.get(name), code),
	until: ({ name, code }) => until(tabs.get(name), code),
	act: ({ name, steps }) => act(tabs.get(name), steps),
	text: ({ name, selector }) => tabs.get(name).page.innerText(selector),
	offline: ({ name, value }) => tabs.get(name).context.setOffline(value),
	media: ({ name, value }) => tabs.get(name).page.emulateMedia(value),
	check: ({ name }) => check(tabs.get(name)),
	picture: ({ name, path }) => tabs.get(name).page.screenshot({ path }).then(() => path),
	heard: ({ name }) => {
		const tab = tabs.get(name), told = structuredClone(tab.heard);

		Object.values(tab.heard).forEach((list) => { list.length = 0; });
		return told;
	},
	close: ({ name }) => {
		const { context } = tabs.get(name);

		tabs.delete(name);
		return context.close();
	},
};

process.stdout.write("{}\n");
for await (const line of createInterface({ input: process.stdin })) {
	const command = JSON.parse(line);
	let answer;

	try {
		answer = { value: await commands[command.does](command) ?? null };
	} catch (error) {
		answer = { error: error.stack ?? String(error) };
	}
	process.stdout.write(`${JSON.stringify(answer)}\n`);
}
await browser.close();
process.exit(0);
