"""Parlour's pages for people, fetched and read: and what every one of them must keep to.

The reader takes HTML that closes all that it opens, as the templates write it, so that
markup which people smuggle in shows as a page that cannot be read. Stands on lib/http.py.
"""

import html.parser
import re
import time

from .client import query_of
from .http import Raw, quote
from .sse import EVENT_STREAM, Stream

VOID = {"area", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track",
        "wbr"}
NEVER = {"style", "iframe", "frame", "frameset", "object", "embed", "applet", "base", "math",
         "template", "portal", "noscript", "textarea", "foreignobject"}
FETCHED = {"src", "poster", "srcset", "background", "action", "formaction", "data", "manifest",
           "ping", "xlink:href"}
SCHEMES = {"http", "https", "ftp", "mailto", "magnet", "matrix"}
LANGUAGES = ("en", "de", "fr", "es", "ja", "ar")


# --- reading ---------------------------------------------------------------------


class Element:
    def __init__(self, tag, attrs=(), parent=None):
        self.tag, self.attrs, self.parent, self.children = tag, dict(attrs), parent, []

    def __getitem__(self, name):
        return self.attrs[name]

    def get(self, name):
        return self.attrs.get(name)

    @property
    def classes(self):
        return (self.get("class") or "").split()

    def walk(self):
        for child in self.children:
            if isinstance(child, Element):
                yield child
                yield from child.walk()

    def is_a(self, wanted):
        """wanted: tag, .class, tag.class, [attribute], or one of several behind commas."""
        for one in wanted.split(","):
            tag, attribute, name = re.fullmatch(r"\s*([\w-]*)(?:\[([\w-]+)\])?(?:\.([\w-]+))?\s*",
                                                one).groups()
            if ((not tag or tag == self.tag) and (not name or name in self.classes)
                    and (not attribute or attribute in self.attrs)):
                return True
        return False

    def all(self, wanted):
        return [e for e in self.walk() if e.is_a(wanted)]

    def first(self, wanted):
        return next((e for e in self.walk() if e.is_a(wanted)), None)

    def one(self, wanted):
        found = self.all(wanted)
        assert len(found) == 1, f"{len(found)} of {wanted} in {self.html()[:3000]}"
        return found[0]

    def has(self, wanted):
        return self.first(wanted) is not None

    @property
    def raw_text(self):
        return "".join(c if isinstance(c, str) else "\n" if c.tag == "br" else c.raw_text
                       for c in self.children)

    @property
    def text(self):
        return " ".join(self.raw_text.split())

    @property
    def squeezed(self):
        return "".join(self.raw_text.split())

    def html(self):
        """The same for elements that say the same."""
        attrs = "".join(f' {k}="{v}"' for k, v in sorted(self.attrs.items()))
        inner = "".join(" ".join(c.split()) if isinstance(c, str) else c.html()
                        for c in self.children)
        return f"<{self.tag}{attrs}>{inner}</{self.tag}>"


class Reader(html.parser.HTMLParser):
    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.root = self.at = Element("")
        self.feed(text)
        self.close()
        assert self.at is self.root, f"<{self.at.tag}> is not closed"

    def handle_starttag(self, tag, attrs):
        names = [name for name, _ in attrs]
        assert len(names) == len(set(names)), f"<{tag}> has an attribute twice: {attrs}"
        element = Element(tag, attrs, self.at)
        self.at.children.append(element)
        if tag not in VOID:
            self.at = element

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.at = self.at.parent

    def handle_endtag(self, tag):
        assert tag == self.at.tag, f"</{tag}> where <{self.at.tag}> is open"
        self.at = self.at.parent

    def handle_data(self, data):
        self.at.children.append(data)

    def handle_comment(self, data):
        raise AssertionError(f"a comment: {data}")

    def handle_pi(self, data):
        raise AssertionError(f"an instruction: {data}")


def read(text):
    return Reader(text).root


# --- what every page keeps to -------------------------------------------------------


def policy_of(headers):
    """{directive: [values]} of the Content-Security-Policy."""
    parts = [part.split() for part in headers["content-security-policy"].split(";")]
    return {words[0]: words[1:] for words in parts if words}


def check_policy(policy, base):
    assert policy["default-src"] == policy["base-uri"] == ["'none'"]
    assert policy["frame-ancestors"] == ["'none'"]
    for name, values in policy.items():
        for value in values:
            assert value == "'none'" or value.startswith(base + "/"), (name, value)
    for name in ("script-src", "style-src"):
        assert policy[name]
        for value in policy[name]:
            assert re.fullmatch(re.escape(base) + r"/_parlour/assets/[\w-]+\.[0-9a-f]{8,}\.\w+",
                                value), value
    for name, values in policy.items():
        if name not in ("script-src", "style-src", "default-src"):
            assert not any("/_matrix" in value or value in (base, base + "/") for value in values)


def check_headers(headers, base):
    check_policy(policy_of(headers), base)
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] in ("no-referrer", "same-origin")
    assert "set-cookie" not in headers


def check_link(element, href, base):
    """An address to go to: here, or elsewhere and then by a scheme that is harmless."""
    assert not re.search(r"[\x00-\x20\x7f]", href), href
    if href.startswith((base + "/", "?", "#")):
        return
    scheme = href.split(":", 1)[0]
    assert ":" in href and scheme in SCHEMES, href
    rel = (element.get("rel") or "").split()
    assert scheme == "matrix" or {"nofollow", "noopener"} <= set(rel), element.html()


def check_element(element, policy, base):
    tag, attrs = element.tag, element.attrs
    assert tag not in NEVER, element.html()
    for name, value in attrs.items():
        assert not name.startswith("on") and name not in ("style", "srcdoc"), element.html()
        assert re.fullmatch(r"[a-z][a-z0-9_:-]*", name), element.html()
        if name in FETCHED:
            assert value.startswith(base + "/"), element.html()
    if tag == "script":
        assert attrs["src"] in policy["script-src"] and not element.children, element.html()
    elif tag == "link" and "stylesheet" in attrs["rel"]:
        assert attrs["href"] in policy["style-src"]
    elif tag == "link":
        assert attrs["href"].startswith(base + "/")
    elif tag == "meta":
        assert "http-equiv" not in attrs
    elif tag in ("img", "audio", "video", "source"):
        assert attrs["src"].startswith((base + "/rooms/", base + "/_parlour/assets/"))
    elif "href" in attrs:
        check_link(element, attrs["href"], base)


class Page:
    """One answer that is a page, held against what all of them keep to."""

    def __init__(self, reply, base, language=None):
        self.reply, self.status, self.headers = reply, reply.status, reply.headers
        assert self.headers["content-type"] == "text/html; charset=utf-8", reply
        self.source = reply.body.decode()
        assert self.source.lower().startswith("<!doctype html>")
        self.root = read(self.source[len("<!doctype html>"):])
        self.policy = policy_of(self.headers)
        self.base = base
        check_headers(self.headers, base)
        ids = [e["id"] for e in self.root.all("[id]")]
        assert len(ids) == len(set(ids)), f"an id twice: {sorted(ids)}"
        for element in self.root.walk():
            check_element(element, self.policy, base)
        top = self.root.one("html")
        assert top["lang"] in LANGUAGES and top["dir"] == ("rtl" if top["lang"] == "ar" else "ltr")
        for word in ("access_token", "syt_", "Bearer "):
            assert word not in self.source

    # What it shows.

    @property
    def language(self):
        return self.root.one("html")["lang"]

    @property
    def text(self):
        return self.root.one("body").text

    @property
    def title(self):
        return self.root.one("title").text

    @property
    def robots(self):
        """What search engines are told, by header and by meta, which agree."""
        metas = [e["content"] for e in self.root.all("meta") if e.get("name") == "robots"]
        header = self.headers.get("x-robots-tag")
        assert metas == ([header] if header else [])
        return header

    @property
    def lines(self):
        return [Line(e) for e in self.root.all("li.line")]

    @property
    def ids(self):
        return [line.id for line in self.lines]

    def line(self, event_id):
        found = [line for line in self.lines if line.id == event_id]
        assert len(found) == 1, f"{len(found)} lines {event_id}; there are {self.ids}"
        return found[0]

    def bodies(self):
        return [line.body for line in self.lines if line.is_said]

    @property
    def face(self):
        """The address of the room's picture; None: it has none."""
        found = [e["content"] for e in self.root.all("meta") if e.get("property") == "og:image"]
        assert all(any(e["src"] == src for e in self.root.all("img")) for src in found)
        return found[0] if found else None

    @property
    def people(self):
        """The names of those who spoke."""
        return [e.text for e in self.root.one(".people").all("bdi")]

    @property
    def cards(self):
        """In a list of rooms each one's element; its link is what it is called."""
        return [li for li in self.root.one("main").all("li") if li.has("a")]

    @property
    def names(self):
        return [card.first("a").text for card in self.cards]

    # Where it leads.

    def links(self, start=""):
        return [e["href"] for e in self.root.all("a[href]")
                if e["href"].startswith(self.base + start)]

    def rel(self, rel):
        """The address of the page before or behind; None: there is none."""
        found = {e["href"] for e in self.root.all("a[rel]") if rel in e["rel"].split()}
        assert len(found) <= 1, found
        return found.pop() if found else None

    @property
    def live(self):
        """(address, position) of its stream."""
        log = self.root.one("[data-live]")
        return log["data-live"], log["data-from"]


class Line:
    """One line of a page, or of a stream."""

    def __init__(self, element):
        self.element = element
        self.id = element["id"]

    @property
    def is_said(self):
        return "said" in self.element.classes

    @property
    def is_marked(self):
        return "marked" in self.element.classes

    @property
    def is_folded(self):
        above = self.element.parent
        while above is not None and "run" not in above.classes:
            above = above.parent
        return above is not None

    @property
    def text(self):
        return self.element.text

    def _of_line(self, wanted):
        """Not those inside earlier versions."""
        def is_inner(e):
            while (e := e.parent) is not self.element:
                if "edits" in e.classes:
                    return True
            return False
        return [e for e in self.element.all(wanted) if not is_inner(e)]

    @property
    def content(self):
        found = self._of_line(".body")
        assert len(found) == 1, self.element.html()
        return found[0]

    @property
    def body(self):
        return self.content.text

    @property
    def name(self):
        return self._of_line("bdi.name")[0].text

    @property
    def face(self):
        face = self.element.first("img")
        return face and face["src"]

    def part(self, name):
        """.quote, .edits, .thread, .poll ...; None: it has none."""
        found = self._of_line("." + name)
        assert len(found) <= 1, self.element.html()
        return found[0] if found else None

    def said(self, name):
        part = self.part(name)
        return part and part.text

    @property
    def reactions(self):
        """{key: count}."""
        found = self.part("reactions")
        return {} if found is None else dict(
            re.fullmatch(r"(.*?)(\d+)", li.squeezed, re.S).groups() for li in found.all("li"))

    @property
    def versions(self):
        return [e.text for e in self.part("edits").all(".body")]

    @property
    def options(self):
        """{option: votes}; votes None: they are not told."""
        found = {}
        for li in self.part("poll").all("li"):
            words = re.match(r"(\D+)(\d+)?", li.squeezed)
            found[words[1]] = None if words[2] is None else int(words[2])
        return found

    def html(self):
        """What it is, wherever it stands: not who spoke before, nor what is marked."""
        copy = Element(self.element.tag, self.element.attrs)
        copy.children = self.element.children
        copy.attrs["class"] = " ".join(c for c in self.element.classes
                                       if c not in ("follows", "marked"))
        return copy.html()


# --- fetching ------------------------------------------------------------------------


def open_viewer(server, base=None, serve=("client", "viewer"), **settings):
    """Starts a server, made and not running, as one that has pages."""
    server.write_config(
        listeners=[{"address": f"127.0.0.1:{server.port}", "serve": list(serve)},
                   {"address": f"127.0.0.1:{server.metrics_port}", "serve": ["metrics"]}],
        public_base_url=base or server.http.base, **settings)
    server.start()
    return Viewer(server)


class Viewer:
    """Somebody without an account, at one server."""

    def __init__(self, server):
        self.server, self.http, self.api = server, server.http, server.api
        self.base = server.settings["public_base_url"]

    def local(self, address):
        """The path of an address on this server."""
        address = address.split("#", 1)[0]
        if address.startswith("/"):
            return address
        assert address.startswith(self.base + "/"), address
        return address[len(self.base):]

    def ask(self, path, method="GET", language=None, **headers):
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        if language:
            headers["Accept-Language"] = language
        return self.http.ask(method, self.local(path), headers=headers)

    def page(self, path, expect=200, **more):
        got = self.ask(path, **more)
        assert got.status == expect, (path, got)
        return Page(got, self.base)

    def path(self, room, *parts, **query):
        path = "/".join(["/rooms", quote(room), *map(quote, parts)])
        return path + ("?" + query_of(query) if query else "")

    def room(self, room, *parts, expect=200, language=None, **query):
        return self.page(self.path(room, *parts, **query), expect, language=language)

    def today(self, room):
        """The path of the newest day in a room's calendar."""
        return self.local(self.room(room, "days").root.one("table").all("a[href]")[-1]["href"])

    def operator(self, *words):
        """What the server's operator says on the command line."""
        got = self.server.run(*words)
        assert got.returncode == 0, got
        return got.stdout

    def gone(self, path):
        """A page that says that there is none; nothing else is told of why."""
        page = self.page(path, 404)
        assert page.headers["cache-control"] == "no-store" and page.robots == "noindex"
        assert not page.lines
        return page

    def watch(self, page, **more):
        address, position = page.live if isinstance(page, Page) else page
        return Watch(self, address, position, **more)


# --- the stream ------------------------------------------------------------------------


class Told:
    """One event of a page's stream."""

    def __init__(self, kind, data, id):
        self.kind, self.data, self.position = kind, data, id
        self.line = None
        if kind in ("line", "change"):
            elements = [c for c in read(data).children if not isinstance(c, str)]
            assert len(elements) == 1
            self.line = Line(elements[0])
            assert "line" in elements[0].classes

    def __repr__(self):
        return f"<{self.kind} {self.data[:200]}>"


class Watch(Stream):
    """A page's stream of server-sent events."""

    def __init__(self, viewer, address, from_=None, last_id=None, gzip=False, language=None,
                 version="1.1"):
        self.viewer, self.address = viewer, address
        path = viewer.local(address)
        if from_:
            path += ("&" if "?" in path else "?") + query_of({"from": from_})
        lines = [f"GET {path} HTTP/{version}", "Host: x", f"Accept: {EVENT_STREAM}"]
        lines += [f"Last-Event-ID: {last_id}"] if last_id else []
        lines += ["Accept-Encoding: gzip"] if gzip else []
        lines += [f"Accept-Language: {language}"] if language else []
        self.raw = Raw(viewer.http.host, viewer.http.port)
        self.raw.say("\r\n".join(lines) + "\r\n\r\n")
        self.status = None
        self.last_id, self.retry, self.comments, self.ended = "", None, 0, None
        self.text, self.kind, self.data, self.events = "", "", [], []

    def _take(self, line):
        if not line and self.data:
            told = Told(self.kind, "\n".join(self.data), self.last_id)
            for element in read(told.data).walk():
                check_element(element, {"script-src": [], "style-src": []}, self.viewer.base)
            self.events.append(told)
            self.kind, self.data = "", []
        else:
            super()._take(line)

    def again(self, **more):
        """Another one that goes on where this one stands."""
        return Watch(self.viewer, self.address, last_id=self.last_id, **more)

    def until_told(self):
        """What comes up to the next position: a list of line, change."""
        heard = []
        while (event := self.next()) is not None and event.kind != "told":
            heard.append(event)
        assert event is not None, f"{self.ended} after {heard}"
        return heard

    def until_line(self, event_id, kind="line"):
        """What comes up to this event's line, and it."""
        heard = []
        while not heard or heard[-1].line is None or (
                (heard[-1].kind, heard[-1].line.id) != (kind, event_id)):
            event = self.next()
            assert event is not None, f"{self.ended} after {heard}"
            heard.append(event)
        return heard


def fold(lines, told):
    """A page's lines {id: html}, and what is told, put into them as a script does."""
    if told.kind == "line" or told.kind == "change" and told.line.id in lines:
        lines[told.line.id] = told.line.html()
    return lines


def until(is_there, within_s=20):
    """Asks on until it is; what cannot be awaited otherwise."""
    deadline = time.monotonic() + within_s
    while not (found := is_there()):
        assert time.monotonic() < deadline, f"not within {within_s} s"
        time.sleep(0.005)  # between two looks
    return found
