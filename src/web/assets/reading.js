/*
 * What makes reading easier: the language that was chosen stays, an answer leads to what
 * it answers where that is on the page, and what is wider than the page can be scrolled
 * with keys.
 */

/* --- the language --- */

const chosen = new URLSearchParams(location.search).get("lang");

function isPage(link) {
	return link.origin === location.origin && /\/rooms(\/|$)/.test(link.pathname) &&
		!/\/media\//.test(link.pathname);
}

function keepLanguage(link) {
	const url = new URL(link.href);

	if (url.searchParams.has("lang"))
		return;
	url.searchParams.set("lang", chosen);
	link.href = url;
}

/* Just before it is followed: lines come and go. */
function beforeFollowed(event) {
	const link = event.target.closest?.("a[href]");

	if (link && isPage(link))
		keepLanguage(link);
}

if (chosen) {
	for (const kind of ["click", "auxclick", "contextmenu"])
		document.addEventListener(kind, beforeFollowed, true);
	document.addEventListener("submit", ({ target }) => {
		const field = document.createElement("input");

		Object.assign(field, { type: "hidden", name: "lang", value: chosen });
		target.append(field);
	});
}

/* What was looked for is looked for in the other language as well. */
for (const link of document.querySelectorAll(".languages a")) {
	const url = new URL(location);

	url.searchParams.set("lang", link.hreflang);
	link.href = url;
}

/* --- answers --- */

document.addEventListener("click", (event) => {
	const quote = event.target.closest?.("a.quote");
	const isPlain = !(event.ctrlKey || event.metaKey || event.shiftKey || event.altKey);

	if (!quote || !isPlain || !document.getElementById(quote.dataset.of))
		return;
	event.preventDefault();
	location.hash = quote.dataset.of;
});

/* A page around one message begins there, also where its address does not say so. */
if (!location.hash)
	document.querySelector(".marked")?.scrollIntoView({ block: "center" });

/* --- what is too wide --- */

function reach(within) {
	for (const box of within.querySelectorAll(".body pre, .body table"))
		if (box.scrollWidth > box.clientWidth || box.scrollHeight > box.clientHeight)
			box.tabIndex = 0;
}

reach(document);
/* It has its width once it is on the page. */
document.addEventListener("parlour:line", (event) => setTimeout(reach, 0, event.detail));
