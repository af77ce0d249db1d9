/*
 * A room's page goes on by itself: server-sent events bring lines as the server writes
 * them (web/live.c), and here is where they go. As web/list.c: days, who goes on
 * speaking, comings and goings folded.
 */
const FOLLOWS_MS = 5 * 60 * 1000;
const RUN_MIN = 3; /* lines that are worth folding */
const LINES_MAX = 500;
const LINES_SPARE = 100; /* taken away together: each time all is laid out anew */
const NEAR_END = 96; /* pixels */
const OFFLINE_AFTER_MS = 1500; /* a short break is nobody's business */
const HIDDEN_MS = 60 * 1000;
const RETRY_MS = 2000, RETRY_MAX_MS = 60 * 1000;

const log = document.querySelector(".log[data-live]");
const lines = document.getElementById("lines");
const main = document.getElementById("main");
const state = document.querySelector(".live");

/* --- what a line says of itself --- */

const timeOf = (line) => line.querySelector(".when time").dateTime;
const dayOf = (line) => timeOf(line).slice(0, 10);
const isSaid = (line) => line.classList.contains("said");
const kindOf = (line) => ["said", "moved", "quiet"].find((kind) => line.classList.contains(kind));
const isRun = (item) => item.classList.contains("run");
const innerOf = (item) => isRun(item) ? [...item.querySelectorAll(".line")] : [item];

function follows(line, before) {
	const gap = Date.parse(timeOf(line)) - Date.parse(timeOf(before));

	return isSaid(line) && isSaid(before) && line.dataset.who === before.dataset.who &&
		gap >= 0 && gap < FOLLOWS_MS;
}

function parse(html) {
	const template = document.createElement("template");

	template.innerHTML = html;
	const line = template.content.firstElementChild;

	/* Others have their part in it (times.js, reading.js). */
	document.dispatchEvent(new CustomEvent("parlour:line", { detail: line }));
	return line;
}

/* --- new lines --- */

function element(name, className, ...inside) {
	const made = document.createElement(name);

	made.className = className;
	made.append(...inside);
	return made;
}

function dayMark(line) {
	const time = element("time", "", dayOf(line));
	const link = element("a", "", time);
	const mark = element("li", "day", link);

	time.dateTime = mark.dataset.day = dayOf(line);
	link.href = line.querySelector(".when").href.replace(/\/event\/.*/, `/day/${dayOf(line)}`);
	link.rel = "nofollow";
	document.dispatchEvent(new CustomEvent("parlour:line", { detail: mark }));
	return mark;
}

function makeRun(kind, folded) {
	const title = kind === "moved" ? log.dataset.moved : log.dataset.quiet;
	const summary = element("summary", "", `${title} `, element("span", "count"));
	const details = element("details", "", summary, element("ol", ""));

	details.open = folded.some((line) => line.contains(document.activeElement));
	folded[0].before(element("li", "run", details));
	details.lastElementChild.append(...folded);
	return details;
}

/* What stands last, if it goes on with such a line: a run, or lines enough for one. */
function runFor(line) {
	const goesOn = (item) => item && !item.classList.contains("day") &&
		!item.classList.contains("marked") && kindOf(innerOf(item)[0]) === kindOf(line) &&
		dayOf(innerOf(item)[0]) === dayOf(line);
	const last = lines.lastElementChild;
	const folded = [];

	if (isSaid(line) || !goesOn(last))
		return null;
	if (isRun(last))
		return last.firstElementChild;
	for (let item = last; goesOn(item) && !isRun(item); item = item.previousElementSibling)
		folded.unshift(item);
	return folded.length < RUN_MIN - 1 ? null : makeRun(kindOf(line), folded);
}

function append(line) {
	const last = lines.lastElementChild;
	const before = last && innerOf(last).at(-1);
	const run = runFor(line);

	line.classList.add("fresh");
	line.addEventListener("animationend", () => line.classList.remove("fresh"), { once: true });
	if (run) {
		run.lastElementChild.append(line);
		run.querySelector(".count").textContent = run.lastElementChild.children.length;
		return;
	}
	if (!before || dayOf(before) !== dayOf(line))
		lines.append(dayMark(line));
	else if (follows(line, before))
		line.classList.add("follows");
	lines.append(line);
}

/* --- lines that are others now --- */

/* Only what differs is touched: a video goes on, a focus stays, and nobody is read again
 * what they have heard. */
function replace(old, line) {
	const kept = ["follows", "marked"].filter((name) => old.classList.contains(name));
	const wasOpen = [...old.querySelectorAll("details")].map((details) => details.open);
	let at = old.firstElementChild;

	line.querySelectorAll("details").forEach((details, i) => { details.open = wasOpen[i]; });
	old.className = line.className;
	old.classList.add(...kept);
	for (const part of [...line.children]) {
		let same = at;

		while (same && !same.isEqualNode(part))
			same = same.nextElementSibling;
		if (!same) {
			old.insertBefore(part, at);
			continue;
		}
		while (at !== same)
			at = at.nextElementSibling, at.previousElementSibling.remove();
		at = same.nextElementSibling;
	}
	while (at) {
		const next = at.nextElementSibling;

		at.remove();
		at = next;
	}
}

function shown(line) {
	const old = document.getElementById(line.id);

	return old && lines.contains(old) ? old : null;
}

/* --- where the reader is --- */

let isAtEnd = true, isAligned = true; /* aligned: nothing of the footer shows */
let lastY = 0;
let firstNew = null, newCount = 0;
const below = element("div", "below");
const button = element("button", "button");

const toEnd = () => main.getBoundingClientRect().bottom - innerHeight;

function scrollBy(y) {
	window.scrollBy({ top: y, behavior: "instant" });
	lastY = scrollY;
}

function stay() {
	if (isAtEnd && (toEnd() > 0 || isAligned))
		scrollBy(toEnd());
}

function seen() {
	firstNew = null;
	newCount = 0;
	below.hidden = true;
}

/* Only who scrolls up leaves the end: lines that came meanwhile take nobody from it. */
function looked() {
	const rest = toEnd();

	isAtEnd = rest < NEAR_END || (isAtEnd && scrollY >= lastY);
	isAligned = isAtEnd && rest > -2;
	lastY = scrollY;
	document.documentElement.classList.toggle("at-end", isAtEnd);
	if (isAtEnd)
		seen();
}

function tellNew(line) {
	firstNew ??= line;
	newCount++;
	button.textContent = `${log.dataset.new} · ${new Intl.NumberFormat(
		document.documentElement.lang).format(newCount)}`;
	below.hidden = false;
}

/* To the first that is new, or to the end if it can be seen from there. */
function goToNew() {
	const head = parseFloat(getComputedStyle(document.documentElement).scrollPaddingTop) || 0;
	const toFirst = firstNew.getBoundingClientRect().top - head;

	log.focus({ preventScroll: true });
	scrollBy(Math.min(toFirst, toEnd()));
	seen();
}

function takePlace() {
	const [entry] = performance.getEntriesByType("navigation");
	const comesBack = entry?.type === "back_forward";

	button.addEventListener("click", goToNew);
	below.append(button);
	below.hidden = true;
	main.append(below);
	if (location.hash || comesBack)
		isAtEnd = false;
	else
		history.scrollRestoration = "manual";
	stay();
	looked();
	addEventListener("scroll", looked, { passive: true });
	addEventListener("resize", stay);
	new ResizeObserver(stay).observe(main);
}

/* --- not too many --- */

/* Older ones are behind a link then: to what was around the first that is left. */
function linkOlder() {
	let link = main.querySelector(":scope > .pager [rel=prev]");

	if (!link) {
		link = element("a", "", log.dataset.older);
		link.rel = "prev";
		log.before(element("p", "pager", link));
	}
	link.href = lines.querySelector(".when").href;
}

function trim() {
	let spare = lines.querySelectorAll(".line").length - LINES_MAX;

	if (spare < LINES_SPARE || !isAtEnd)
		return;
	for (let item = lines.firstElementChild; spare > 0; ) {
		const next = item.nextElementSibling;

		/* A day goes with the last of its lines. */
		if (!item.classList.contains("day")) {
			spare -= innerOf(item).length;
			item.remove();
		}
		if (next.classList.contains("day"))
			next.previousElementSibling?.remove();
		item = next;
	}
	linkOlder();
	stay();
}

/* --- the stream --- */

let source = null, from = log?.dataset.from;
let offline = 0, hidden = 0, retry = 0, wait = RETRY_MS;
let isOver = false;

function show(isOn) {
	clearTimeout(offline);
	state.hidden = false;
	state.classList.toggle("on", isOn);
	state.textContent = isOn ? log.dataset.online : log.dataset.offline;
}

function leave() {
	source?.close();
	source = null;
	clearTimeout(retry);
	clearTimeout(offline);
}

function end() {
	leave();
	isOver = true;
	state.hidden = false;
	state.className = "live closed";
	state.textContent = log.dataset.closed;
}

function lost() {
	clearTimeout(offline);
	offline = setTimeout(show, OFFLINE_AFTER_MS, false);
	if (source.readyState !== EventSource.CLOSED)
		return; /* it comes back by itself */
	retry = setTimeout(comeBack, wait * (1 + Math.random()));
	wait = Math.min(wait * 2, RETRY_MAX_MS);
}

/* A stream was refused: is there a page at all? */
async function comeBack() {
	const answer = await fetch(location.href.split("#")[0], { cache: "no-store" })
		.catch(() => null);

	if (answer?.status === 404)
		end();
	else
		listen();
}

function hear(name, what) {
	source.addEventListener(name, (event) => {
		from = event.lastEventId || from;
		what(event.data);
	});
}

function listen() {
	leave();
	source = new EventSource(`${log.dataset.live}&from=${encodeURIComponent(from)}`);
	source.onopen = () => {
		wait = RETRY_MS;
		show(true);
	};
	source.onerror = lost;
	hear("line", (data) => {
		const line = parse(data), old = shown(line);

		if (old) {
			replace(old, line);
			return;
		}
		append(line);
		if (!isAtEnd && isSaid(line))
			tellNew(line);
	});
	hear("change", (data) => {
		const line = parse(data), old = shown(line);

		if (old)
			replace(old, line);
	});
	hear("told", trim);
	hear("closed", end);
	hear("again", () => location.reload());
}

function attend() {
	clearTimeout(hidden);
	if (document.hidden)
		hidden = setTimeout(leave, HIDDEN_MS);
	else if (!source && !isOver)
		listen();
}

if (log) {
	takePlace();
	listen();
	document.addEventListener("visibilitychange", attend);
	addEventListener("pageshow", attend);
	addEventListener("pagehide", () => {
		leave();
		history.scrollRestoration = "auto";
	});
}
