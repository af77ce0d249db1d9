/*
 * Times by the reader's clock and in the page's language; the HTML has them in UTC.
 */
const language = document.documentElement.lang;
/* The reader's own kind of the page's language: "14:05", or "2:05 pm"? */
const locale = navigator.languages.find((l) => l.split("-")[0] === language) ??
	(language === "en" ? "en-GB" : language);
const format = (options) => new Intl.DateTimeFormat(locale, options);

const clock = format({ hour: "numeric", minute: "2-digit" });
const clockOfDay = format({ weekday: "short", hour: "numeric", minute: "2-digit" });
const moment = format({ dateStyle: "medium", timeStyle: "short" });
const whole = format({ dateStyle: "full", timeStyle: "short" });
/* A day is the server's: from midnight to midnight in UTC. */
const day = format({ weekday: "long", day: "numeric", month: "long", year: "numeric",
	timeZone: "UTC" });
const ago = new Intl.RelativeTimeFormat(locale, { numeric: "auto" });

const UNITS = [["year", 31556952], ["month", 2629746], ["day", 86400], ["hour", 3600],
	["minute", 60], ["second", 1]];

function since(at) {
	const seconds = (at - Date.now()) / 1000;
	const [unit, size] = UNITS.find(([, n]) => Math.abs(seconds) >= n) ?? ["second", 1];

	return ago.format(Math.trunc(seconds / size), unit);
}

function text(time, at) {
	if ("ago" in time.dataset)
		return since(at);
	if ("whole" in time.dataset)
		return moment.format(at);
	/* Around midnight it is another day here than the one that stands above. */
	return (at.getDate() === at.getUTCDate() ? clock : clockOfDay).format(at);
}

function show(time) {
	const at = new Date(time.dateTime);

	if (Number.isNaN(at.getTime()))
		return;
	if (time.dateTime.length === 10) {
		time.textContent = day.format(at);
		return;
	}
	time.textContent = text(time, at);
	time.title = whole.format(at);
}

function showAll(within) {
	within.querySelectorAll("time").forEach(show);
}

const heading = document.querySelector(".heading");

if (/^\d{4}-\d\d-\d\d$/.test(heading?.textContent)) {
	const name = day.format(new Date(heading.textContent));

	document.title = document.title.replace(heading.textContent, name);
	heading.textContent = name;
}
showAll(document);
document.addEventListener("parlour:line", (event) => showAll(event.detail));
document.querySelector(".utc").hidden = true;
