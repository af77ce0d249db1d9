"""A Matrix client as small as the tests allow: one method for each thing they say.

Stands on lib/http.py. Each call states the answer it expects: a status, or a status and
an errcode; anything else fails the test with the whole answer in sight.
"""

import itertools
import json
import secrets
import threading
import urllib.parse

from .http import Http, quote

V3 = "/_matrix/client/v3"
V1 = "/_matrix/client/api/v1"
numbers = itertools.count(1)
this_run = secrets.token_hex(2)


def fresh(stem):
    """A word that no other test uses, of this run or another against the same server."""
    return f"{stem}-{this_run}-{next(numbers)}"


def query_of(query):
    """Pairs, or a dict whose None values are left out and whose lists are repeated."""
    pairs = []
    for key, value in query.items() if isinstance(query, dict) else query:
        for one in value if isinstance(value, (list, tuple)) else [value]:
            if one is not None:
                text = "true" if one is True else "false" if one is False else str(one)
                pairs.append((key, text))
    return urllib.parse.urlencode(pairs)


def matches(reply, expect):
    if expect is None:
        return True
    if isinstance(expect, int):
        return reply.status == expect
    if isinstance(expect, tuple):
        return (reply.status, reply.errcode()) == expect
    return any(matches(reply, one) for one in expect)


class Client:
    """One access token (or none) at one server."""

    def __init__(self, http, token=None, user_id=None, device_id=None, password=None):
        self.http = http if isinstance(http, Http) else Http(http)
        self.token, self.user_id, self.device_id = token, user_id, device_id
        self.password = password

    # --- asking ----------------------------------------------------------

    def reply(self, method, path, body=None, *, expect=None, token=True, query=None,
              raw=None, headers=None, within_s=60):
        """The whole answer. A path without /_matrix stands below client/v3."""
        if not path.startswith("/_") and not path.startswith("/."):
            path = V3 + path
        if query:
            path += ("&" if "?" in path else "?") + query_of(query)
        headers = dict(headers or {})
        token = self.token if token is True else token
        if token:
            headers.setdefault("Authorization", "Bearer " + token)
        data = raw
        if raw is None and body is not None:
            data = json.dumps(body).encode()
        if data is not None:
            headers.setdefault("Content-Type", "application/json")
        got = self.http.ask(method, path, data, headers, within_s)
        assert matches(got, expect), f"{method} {path}: expected {expect}, got {got}"
        return got

    def request(self, method, path, body=None, *, expect=200, **more):
        """The answer's JSON."""
        return self.reply(method, path, body, expect=expect, **more).json()

    def get(self, path, *, expect=200, **query):
        return self.request("GET", path, expect=expect, query=query)

    def post(self, path, body=None, *, expect=200, **more):
        return self.request("POST", path, {} if body is None else body, expect=expect, **more)

    def put(self, path, body=None, *, expect=200, **more):
        return self.request("PUT", path, {} if body is None else body, expect=expect, **more)

    def delete(self, path, *, expect=200, **more):
        return self.request("DELETE", path, expect=expect, **more)

    # --- accounts --------------------------------------------------------

    def _signed_in(self, got, password=None):
        return Client(self.http, got.get("access_token"), got["user_id"],
                      got.get("device_id"), password)

    def register(self, name=None, password="correct horse battery", **more):
        """A new account by the dummy stage; the answer's client."""
        body = {"username": name or fresh("user"), "password": password, **more}
        first = self.request("POST", "/register", body, expect=401, token=None)
        body["auth"] = {"type": "m.login.dummy", "session": first["session"]}
        return self._signed_in(self.request("POST", "/register", body, token=None), password)

    def guest(self):
        got = self.request("POST", "/register?kind=guest", {}, token=None)
        return self._signed_in(got)

    def login(self, user=None, password=None, expect=200, **more):
        body = {"type": "m.login.password",
                "identifier": {"type": "m.id.user", "user": user or self.user_id},
                "password": password or self.password, **more}
        got = self.request("POST", "/login", body, token=None, expect=expect)
        return self._signed_in(got, body["password"]) if expect == 200 else got

    @property
    def local_part(self):
        return self.user_id[1:].split(":")[0]

    @property
    def server_name(self):
        return self.user_id.split(":", 1)[1]

    # --- rooms -----------------------------------------------------------

    def create_room(self, expect=200, **options):
        got = self.post("/createRoom", options, expect=expect)
        return got["room_id"] if expect == 200 else got

    def public_room(self, visibility="world_readable", guests="can_join", state=(), **options):
        """A room that anybody may join, with the history visibility asked for."""
        initial = [
            {"type": "m.room.history_visibility", "state_key": "",
             "content": {"history_visibility": visibility}},
            {"type": "m.room.guest_access", "state_key": "",
             "content": {"guest_access": guests}}, *state]
        return self.create_room(preset="public_chat", initial_state=initial, **options)

    def room(self, room_id, tail=""):
        return f"/rooms/{quote(room_id)}{tail}"

    def join(self, room_id, expect=200, **body):
        return self.post(self.room(room_id, "/join"), body, expect=expect)

    def leave(self, room_id, expect=200, **body):
        return self.post(self.room(room_id, "/leave"), body, expect=expect)

    def forget(self, room_id, expect=200):
        return self.post(self.room(room_id, "/forget"), expect=expect)

    def knock(self, room_id, expect=200, **body):
        return self.post("/knock/" + quote(room_id), body, expect=expect)

    def _member(self, word, room_id, user_id, expect, body):
        return self.post(self.room(room_id, "/" + word), {"user_id": user_id, **body},
                         expect=expect)

    def invite(self, room_id, user_id, expect=200, **body):
        return self._member("invite", room_id, user_id, expect, body)

    def kick(self, room_id, user_id, expect=200, **body):
        return self._member("kick", room_id, user_id, expect, body)

    def ban(self, room_id, user_id, expect=200, **body):
        return self._member("ban", room_id, user_id, expect, body)

    def unban(self, room_id, user_id, expect=200, **body):
        return self._member("unban", room_id, user_id, expect, body)

    def send(self, room_id, what="hello", kind="m.room.message", txn=None, expect=200):
        """what: a text, or a whole content. The event's id."""
        content = {"msgtype": "m.text", "body": what} if isinstance(what, str) else what
        txn = txn or fresh("t")
        got = self.put(self.room(room_id, f"/send/{quote(kind)}/{quote(txn)}"), content,
                       expect=expect)
        return got["event_id"] if expect == 200 else got

    def set_state(self, room_id, kind, content, key="", expect=200):
        path = self.room(room_id, f"/state/{quote(kind)}" + (f"/{quote(key)}" if key else ""))
        got = self.put(path, content, expect=expect)
        return got["event_id"] if expect == 200 else got

    def state(self, room_id, kind, key="", expect=200, **query):
        path = self.room(room_id, f"/state/{quote(kind)}" + (f"/{quote(key)}" if key else ""))
        return self.get(path, expect=expect, **query)

    def visibility(self, room_id, value):
        return self.set_state(room_id, "m.room.history_visibility",
                              {"history_visibility": value})

    def guest_access(self, room_id, value):
        return self.set_state(room_id, "m.room.guest_access", {"guest_access": value})

    def membership(self, room_id, user_id):
        return self.state(room_id, "m.room.member", user_id)["membership"]

    def power(self, room_id, changes, expect=200):
        """The room's power levels with some keys changed ("users" is merged)."""
        levels = self.state(room_id, "m.room.power_levels")
        users = {**levels.get("users", {}), **changes.pop("users", {})}
        return self.set_state(room_id, "m.room.power_levels",
                              {**levels, **changes, "users": users}, expect=expect)

    def redact(self, room_id, event_id, expect=200, txn=None, **body):
        path = self.room(room_id, f"/redact/{quote(event_id)}/{quote(txn or fresh('t'))}")
        got = self.put(path, body, expect=expect)
        return got["event_id"] if expect == 200 else got

    # --- reading ---------------------------------------------------------

    def event(self, room_id, event_id, expect=200):
        return self.get(self.room(room_id, "/event/" + quote(event_id)), expect=expect)

    def messages(self, room_id, dir="b", expect=200, from_=None, **query):
        return self.get(self.room(room_id, "/messages"), expect=expect, dir=dir,
                        **{"from": from_}, **query)

    def all_messages(self, room_id, dir="f", limit=100, expect=200):
        """Every event that /messages gives, page by page; the error where it gives none."""
        got, token = [], None
        while True:
            page = self.messages(room_id, dir, expect, token, limit=limit)
            if "chunk" not in page:
                return page
            got += page["chunk"]
            token = page.get("end")
            if token is None:
                return got

    def events(self, from_=None, rooms=None, timeout=0, expect=200, prefix=V3, **query):
        """One poll of the stream."""
        return self.request("GET", prefix + "/events", expect=expect, query={
            "from": from_, "timeout": timeout, "room_id": rooms, **query})

    def now(self, rooms=None):
        """The stream's live end."""
        return self.events(rooms=rooms)["end"]

    def drain(self, from_, rooms=None, **query):
        """Everything after from_, in pages, and the position behind it."""
        got = []
        while True:
            page = self.events(from_, rooms, **query)
            if not page["chunk"]:
                return got, page["end"]
            got += page["chunk"]
            assert page["end"] != from_, "a page of events that does not move on"
            from_ = page["end"]


def in_threads(jobs):
    """Runs the callables at the same time; the first failure is the test's."""
    results, failures = [None] * len(jobs), []

    def run(at, job):
        try:
            results[at] = job()
        except BaseException as failure:  # handed to the test's own thread below
            failures.append(failure)

    threads = [threading.Thread(target=run, args=(at, job)) for at, job in enumerate(jobs)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    if failures:
        raise failures[0]
    return results
