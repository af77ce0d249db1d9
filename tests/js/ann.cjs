/*
 * What the SDK scripts share: the one who talks while an SDK listens, by plain fetch; a
 * record of the requests made; and waiting with a limit.
 */
"use strict";

const [baseUrl, token, roomId] = process.argv.slice(2);
const made = [];
const WITHIN_MS = 20000;
let transactions = 0;

/* "GET /path?names,of,parameters", so that the tests can tell what an SDK asks for. */
function record(method, url) {
	const { pathname, searchParams } = new URL(url);
	const names = [...searchParams.keys()].sort().join(",");
	made.push(`${method} ${decodeURIComponent(pathname)}${names ? `?${names}` : ""}`);
}

/* For SDKs of before fetch: the `request` that they are given, which is recorded. */
function recorded(request) {
	return (options, callback) => {
		const query = new URLSearchParams();
		for (const [name, value] of Object.entries(options.qs || {}))
			if (value !== undefined) query.append(name, value);
		record(options.method, `${options.uri}?${query}`);
		return request(options, callback);
	};
}

async function ask(method, path, body) {
	const answer = await fetch(`${baseUrl}/_matrix/client/v3${path}`, {
		method,
		headers: { Authorization: `Bearer ${token}`, "Content-Type": "application/json" },
		body: body === undefined ? undefined : JSON.stringify(body),
	});
	const got = await answer.json();
	if (!answer.ok) throw new Error(`${method} ${path}: ${JSON.stringify(got)}`);
	return got;
}

const inRoom = `/rooms/${encodeURIComponent(roomId)}`;

async function say(body) {
	const path = `${inRoom}/send/m.room.message/ann${process.pid}.${++transactions}`;
	return (await ask("PUT", path, { msgtype: "m.text", body })).event_id;
}

function within(promise, what) {
	let timer;
	const late = new Promise((_, reject) => {
		timer = setTimeout(() => reject(new Error(`${what}: too late`)), WITHIN_MS);
	});
	return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

/* Their promises are not the language's own. */
const promised = (promise, what) => within(new Promise((resolve, reject) => {
	promise.then(resolve, reject);
}), what);

/* The first arguments of an emitter's event that fit. */
function heard(emitter, event, fits, what) {
	return within(new Promise((resolve) => {
		emitter.on(event, function listener(...args) {
			if (fits(...args)) {
				emitter.removeListener(event, listener);
				resolve(args);
			}
		});
	}), what);
}

/*
 * The SDKs' first poll after a peek has no `from`: what is said before it arrives is not
 * theirs to hear. So ann asks again and again until the first answer.
 */
async function untilListening(room) {
	let listening = false;
	const first = heard(room, "Room.timeline", (e) => e.getContent().body === "anybody there?",
		"the first live message").then(() => { listening = true; });
	first.catch(() => { listening = true; });
	while (!listening) await say("anybody there?");
	await first;
}

function check(is, what) {
	if (!is) throw new Error(`not so: ${what}`);
}

/* Runs the story; prints what was asked for; ends the process, polls and all. */
function tell(story) {
	story().then(() => {
		process.stdout.write(`${JSON.stringify({ requests: made })}\n`, () => process.exit(0));
	}, (failure) => {
		process.stderr.write(`${failure && failure.stack || JSON.stringify(failure)}\n`
			+ `${made.join("\n")}\n`, () => process.exit(1));
	});
}

module.exports = { baseUrl, token, roomId, inRoom, ask, say, heard, within, untilListening,
	check, tell, record, recorded, promised };
