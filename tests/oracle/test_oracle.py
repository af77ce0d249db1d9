"""Our event signing and auth rules beside Synapse's library: the same questions to both.

Needs the packages of tests/requirements.txt and the program rules_oracle, which is built
with the unit tests. RULES_ORACLE names it, else the newest of build/*/src/core is taken;
ORACLE_SEED changes the questions.
"""

import asyncio
import copy
import hashlib
import json
import os
import pathlib
import random
import subprocess

import pytest
from canonicaljson import encode_canonical_json
from signedjson.key import decode_signing_key_base64, get_verify_key
from signedjson.sign import sign_json
from synapse import event_auth
from synapse.api.room_versions import KNOWN_ROOM_VERSIONS
from synapse.crypto.event_signing import (
    add_hashes_and_signatures,
    compute_content_hash,
    compute_event_reference_hash,
    redact_event_dict,
)
from synapse.events import make_event_from_dict
from unpaddedbase64 import encode_base64

VERSIONS = [str(n) for n in range(1, 13)]
SEED_B64 = encode_base64(bytes(range(32)))
KEY = decode_signing_key_base64("ed25519", "one", SEED_B64)
SIGN_ROUNDS = 250
AUTH_ROUNDS = 2500

USERS = ["@creator:a.org", "@alice:a.org", "@bob:b.org", "@carol:b.org", "@dave:c.org"]


def program():
    if "RULES_ORACLE" in os.environ:
        return os.environ["RULES_ORACLE"]
    root = pathlib.Path(__file__).resolve().parents[2]
    found = sorted(root.glob("build/*/src/event/rules_oracle"),
                   key=lambda path: path.stat().st_mtime)
    assert found, "rules_oracle is not built"
    return str(found[-1])


def ask(questions):
    """Puts all questions to our program and returns its answers."""
    questions = list(questions)
    lines = "".join(json.dumps(q) + "\n" for q in questions)
    done = subprocess.run([program()], input=lines, capture_output=True, text=True,
                          timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    answers = [json.loads(line) for line in done.stdout.split("\n")[:-1]]
    assert len(answers) == len(questions)
    return answers


def generator(*name):
    return random.Random("/".join((os.environ.get("ORACLE_SEED", "parlour"), *name)))


# -- hashes, ids, signatures, redactions ------------------------------------------------

TYPES = ["m.room.member", "m.room.create", "m.room.join_rules", "m.room.power_levels",
         "m.room.aliases", "m.room.history_visibility", "m.room.redaction",
         "m.room.message", "m.room.topic", "org.example.thing"]
CONTENT_KEYS = ["membership", "join_authorised_via_users_server", "third_party_invite",
                "creator", "room_version", "join_rule", "allow", "ban", "events",
                "events_default", "invite", "kick", "redact", "state_default", "users",
                "users_default", "notifications", "aliases", "history_visibility",
                "redacts", "body", "displayname", "é", "\U0001f600", "a\nb", ""]
TOP_KEYS = ["origin", "prev_state", "membership", "redacts", "unsigned", "zzz", "a",
            "replaces_state", "event_idx", "hashez"]
STRINGS = ["", "text", "ünï", "日本語", "\U0001f9d1‍\U0001f680", "q\"uote", "back\\slash",
           "\x00\x01\x1f\x7f", "\b\f\n\r\t", "</script>", "\u2028\u2029", "\ufeff\uffff"]


def value(rng, lenient, depth=0):
    kind = rng.randrange(9 if depth < 3 else 6)
    if kind == 0:
        return rng.choice([None, True, False])
    if kind in (1, 2):
        return rng.choice([0, 1, -1, rng.randrange(-2**53 + 1, 2**53), 2**53 - 1])
    if kind == 3 and lenient:
        return rng.choice([2**53, -2**60, 2**63, 10**30, -10**25, 1.5, -0.25, 1e22, 1e-7,
                           123456789.125, rng.random() * 10**rng.randrange(-20, 25)])
    if kind < 6:
        return rng.choice(STRINGS)
    if kind == 6:
        return [value(rng, lenient, depth + 1) for _ in range(rng.randrange(4))]
    return {rng.choice(CONTENT_KEYS + STRINGS): value(rng, lenient, depth + 1)
            for _ in range(rng.randrange(4))}


def any_event(rng, version):
    """An event whose form is right and whose values are anything."""
    lenient = int(version) < 6
    content = {key: value(rng, lenient)
               for key in rng.sample(CONTENT_KEYS, rng.randrange(9))}
    if rng.random() < 0.3:
        content["third_party_invite"] = {"display_name": "x"}
        if rng.random() < 0.7:
            content["third_party_invite"]["signed"] = {"mxid": "@a:b", "token": "t"}
    event = {
        "type": rng.choice(TYPES), "sender": rng.choice(USERS), "content": content,
        "depth": rng.randrange(2**53), "origin_server_ts": rng.randrange(2**42),
        "prev_events": [], "auth_events": [], "room_id": "!room:a.org",
        "hashes": {"sha256": "old"},
        "signatures": {"a.org": {"ed25519:one": "old"}},
    }
    if version == "12":
        event["room_id"] = "!" + "A" * 43
        if event["type"] == "m.room.create":
            del event["room_id"]
    if rng.random() < 0.5:
        event["state_key"] = rng.choice(["", "@alice:a.org", *STRINGS[1:]])
    if version == "12" and event["type"] == "m.room.create":
        event["state_key"] = ""
    if int(version) < 3:
        event["event_id"] = f"${rng.randrange(10**9)}:a.org"
    for key in rng.sample(TOP_KEYS, rng.randrange(4)):
        event[key] = {"age": 3} if key == "unsigned" else value(rng, lenient)
    if not isinstance(event.get("redacts", ""), str):
        event["redacts"] = "$other:a.org"
    return event


@pytest.mark.parametrize("version", VERSIONS)
def test_hashes_ids_signatures_and_redactions_are_the_same(version):
    rng = generator("sign", version)
    room_version = KNOWN_ROOM_VERSIONS[version]
    events = [any_event(rng, version) for _ in range(SIGN_ROUNDS)]
    answers = ask({"op": "seal", "version": version, "event": event, "server": "a.org",
                   "key_id": "ed25519:one", "seed": SEED_B64} for event in events)
    for event, ours in zip(events, answers, strict=True):
        theirs = copy.deepcopy(event)
        theirs["hashes"] = {}
        theirs["signatures"] = {}
        _, content_hash = compute_content_hash(event, hashlib.sha256)
        assert ours["content_hash"] == encode_base64(content_hash), event
        redacted = dict(redact_event_dict(room_version, event))
        redacted.pop("unsigned", None)
        assert ours["redacted"] == redacted, event
        parsed = make_event_from_dict(event, room_version)
        _, reference_hash = compute_event_reference_hash(parsed)
        assert ours["reference_hash"] == encode_base64(reference_hash), event
        add_hashes_and_signatures(room_version, theirs, "a.org", KEY)
        assert ours["sealed"].encode() == encode_canonical_json(theirs), event
        assert ours["event_id"] == make_event_from_dict(theirs, room_version).event_id
        assert ours["verified"], event


# -- the authorisation rules -------------------------------------------------------------


class Room:
    """A state to judge events by, made up without regard to the rules."""

    def __init__(self, rng, version):
        self.rng = rng
        self.version = version
        self.room_version = KNOWN_ROOM_VERSIONS[version]
        self.counter = 0
        self.room_id = "!room:a.org"
        self.state = []
        content = {"creator": USERS[0], "room_version": version}
        if rng.random() < 0.15:
            content["m.federate"] = False
        if rng.random() < 0.4:
            content["additional_creators"] = [USERS[1]]
        self.create = self.event("m.room.create", USERS[0], content, "")
        self.room_id = self.create.room_id
        self.state.append(self.create)
        self.fill()

    def fill(self):
        rng = self.rng
        if rng.random() < 0.85:
            rule = rng.choice(["public", "invite", "knock", "restricted", "restricted",
                               "knock_restricted", "private"])
            self.put("m.room.join_rules", USERS[0], {"join_rule": rule})
        if rng.random() < 0.8:
            self.put("m.room.power_levels", USERS[0], self.levels(valid=True))
        for user in USERS:
            if rng.random() < 0.85:
                membership = rng.choice(["join"] * 4 + ["invite", "leave", "ban", "knock"])
                self.put("m.room.member", user, {"membership": membership}, user)
        if rng.random() < 0.5:
            key = encode_base64(get_verify_key(KEY).encode())
            content = {"display_name": "x", "public_key": key}
            if rng.random() < 0.3:
                content = {"public_key": encode_base64(bytes(32)),
                           "public_keys": [{"public_key": key}]}
            self.put("m.room.third_party_invite", rng.choice(USERS), content, "token")

    def put(self, kind, sender, content, state_key=""):
        self.state.append(self.event(kind, sender, content, state_key))

    def event(self, kind, sender, content, state_key=None, **more):
        self.counter += 1
        event = {
            "type": kind, "sender": sender, "content": content, "depth": self.counter,
            "origin_server_ts": self.counter, "prev_events": [], "auth_events": [],
            "room_id": self.room_id, "hashes": {"sha256": "x"}, "signatures": {},
        }
        if state_key is not None:
            event["state_key"] = state_key
        if self.version == "12" and kind == "m.room.create":
            del event["room_id"]
        if int(self.version) < 3:
            event["event_id"] = f"$e{self.counter}:{sender.partition(':')[2]}"
        event.update(more)
        return make_event_from_dict(event, self.room_version)

    def refs(self, events):
        if int(self.version) < 3:
            return [[e.event_id, {"sha256": "x"}] for e in events]
        return [e.event_id for e in events]

    def level(self, valid):
        rng = self.rng
        level = rng.choice([0, 0, 10, 25, 50, 50, 75, 100, 100, -5, 101])
        if int(self.version) < 10 and rng.random() < 0.15:
            return rng.choice([str(level), f" {level} ", f"+{abs(level)}", f"00{abs(level)}"])
        if int(self.version) < 6 and rng.random() < 0.1:
            return level + 0.5
        if not valid and rng.random() < 0.06:
            return rng.choice(["abc", "", "1.5", "5 0", "50", [], {}, None, True])
        return level

    def levels(self, valid, old=None):
        """Power levels; with old: those with some changes."""
        rng = self.rng
        content = copy.deepcopy(old) if old else {}
        share = 0.08 if old else 0.4
        plain = ["users_default", "events_default", "state_default", "ban", "redact",
                 "kick", "invite"]
        for key in plain:
            if rng.random() < share:
                content[key] = self.level(valid)
            elif old and rng.random() < 0.05:
                content.pop(key, None)
        names = {"users": USERS, "events": ["m.room.topic", "m.room.message",
                                            "m.room.power_levels", "m.room.redaction"],
                 "notifications": ["room", "other"]}
        for key, choices in names.items():
            table = content.setdefault(key, {})
            for name in choices:
                if rng.random() < share:
                    table[name] = self.level(valid)
                elif old and rng.random() < 0.05:
                    table.pop(name, None)
            if not table and rng.random() < 0.5:
                del content[key]
        if self.version == "12" and (valid or rng.random() < 0.9):
            for creator in self.creators():
                content.get("users", {}).pop(creator, None)
        if not valid and rng.random() < 0.04:
            content["users"] = rng.choice([{"alice": 0}, {"@alice": 0}, {"@a:a.org": 0}])
        return content

    def creators(self):
        return [USERS[0], *self.create.content.get("additional_creators", [])]

    def held(self, kind, state_key=""):
        for e in self.state:
            if e.type == kind and e.get_state_key() == state_key:
                return e
        return None

    # Events to judge.

    def question(self):
        rng = self.rng
        maker = rng.choice([self.member] * 6 + [self.power_levels] * 3 + [
            self.message, self.topic, self.redaction, self.aliases, self.invitation])
        return maker()

    def member(self):
        rng = self.rng
        sender, target = rng.choice(USERS), rng.choice(USERS)
        membership = rng.choice(["join", "join", "invite", "leave", "leave", "ban", "knock",
                                 "unknown"])
        if membership in ("join", "knock") and rng.random() < 0.8:
            target = sender
        if membership in ("leave",) and rng.random() < 0.3:
            target = sender
        content = {"membership": membership}
        if membership == "join" and rng.random() < 0.5:
            content["join_authorised_via_users_server"] = rng.choice(USERS)
        if membership == "invite" and rng.random() < 0.4:
            content["third_party_invite"] = self.third_party(target)
        more = {}
        if rng.random() < 0.2:
            more["prev_events"] = self.refs([self.create])
            if rng.random() < 0.5:
                sender = target = USERS[0]
        return self.event("m.room.member", sender, content, target, **more)

    def third_party(self, target):
        rng = self.rng
        signed = {"mxid": target if rng.random() < 0.9 else "@other:a.org",
                  "token": "token" if rng.random() < 0.9 else "another"}
        signed = sign_json(signed, "identity.org", KEY)
        if rng.random() < 0.1:
            signed["signatures"]["identity.org"]["ed25519:one"] = "A" * 86
        if rng.random() < 0.1:
            signed["extra"] = 1
        return {"display_name": "x", "signed": signed}

    def power_levels(self):
        old = self.held("m.room.power_levels")
        levels = self.levels(valid=False, old=old and dict_of(old.content))
        return self.event("m.room.power_levels", self.rng.choice(USERS), levels, "")

    def message(self):
        return self.event("m.room.message", self.rng.choice(USERS), {"body": "x"})

    def topic(self):
        key = self.rng.choice(["", "", "x", *USERS[:3]])
        return self.event("m.room.topic", self.rng.choice(USERS), {"topic": "x"}, key)

    def redaction(self):
        target = self.rng.choice(["$e1:a.org", "$e1:b.org", "$e1:c.org"])
        where = {"redacts": target} if int(self.version) < 11 else {}
        content = {} if where else {"redacts": target}
        return self.event("m.room.redaction", self.rng.choice(USERS), content, **where)

    def aliases(self):
        key = self.rng.choice(["a.org", "b.org", "", "a.org:80"])
        return self.event("m.room.aliases", self.rng.choice(USERS), {"aliases": []}, key)

    def invitation(self):
        return self.event("m.room.third_party_invite", self.rng.choice(USERS),
                          {"public_key": "x"}, "fresh")


def dict_of(content):
    """A plain copy of an event's frozen content."""
    return json.loads(encode_canonical_json(content))


def given(event, **more):
    return {"event_id": event.event_id, "json": event.get_pdu_json(), **more}


def synapse_allows(event, state):
    """Their verdict and the exception behind it. What makes them stumble is not allowed."""
    try:
        event_auth.check_state_dependent_auth_rules(event, state)
    except Exception as error:  # pylint: disable=broad-except
        return False, repr(error)
    return True, ""


def domain(user_id):
    return user_id.partition(":")[2]


def accepted_difference(room, event, ours, theirs):
    """Where we follow the specification's text and Synapse does not: that text, or None."""
    version = int(room.version)
    content = dict_of(event.content)
    if (not theirs and event.type == "m.room.member"
            and room.create.content.get("m.federate") is False
            and domain(event.state_key) != domain(room.create.sender)):
        return ("rule m.federate: 'and the `sender` domain of the event does not match':"
                " nothing is said of the target's domain")
    if event.type == "m.room.power_levels" and not ours:
        levels = [*content.get("users", {}).values(), *content.get("events", {}).values(),
                  *content.get("notifications", {}).values(),
                  *(v for v in content.values() if not isinstance(v, dict))]
        if version < 10 and any(isinstance(level, bool) for level in levels):
            return ("rule 10.1 (9.1): 'values that are integers (or a string that is an"
                    " integer)'; true is neither")
    return None


@pytest.mark.parametrize("version", VERSIONS)
def test_the_rules_judge_alike(version):
    rng = generator("auth", version)
    cases = []
    for _ in range(AUTH_ROUNDS // 5):
        room = Room(rng, version)
        cases.extend((room, room.question()) for _ in range(5))
    answers = ask({"op": "auth", "version": version, "event": given(event),
                   "state": [given(e) for e in room.state]} for room, event in cases)
    verdicts = {True: 0, False: 0}
    excused = {}
    for (room, event), answer in zip(cases, answers, strict=True):
        assert answer.get("parsed"), (event.get_pdu_json(), answer)
        ours = answer["allowed"]
        theirs, error = synapse_allows(event, room.state)
        verdicts[ours] += 1
        if ours != theirs:
            reason = accepted_difference(room, event, ours, theirs)
            assert reason, (ours, answer["why"], error, event.get_pdu_json(),
                            [e.get_pdu_json() for e in room.state])
            excused[reason] = excused.get(reason, 0) + 1
    assert min(verdicts.values()) > AUTH_ROUNDS // 10
    assert sum(excused.values()) < AUTH_ROUNDS // 10, excused


class Store:
    """What Synapse's checks of auth_events ask for events."""

    def __init__(self, events):
        self.events = {e.event_id: e for e in events}

    async def get_events(self, ids, **_):
        return {i: self.events[i] for i in ids if i in self.events}


def spoilt(rng, room, picked):
    """Auth events as they should be, or with one thing wrong."""
    kind = rng.randrange(8)
    picked = list(picked)
    rejected = set()
    if kind == 0 and picked:
        picked.pop(rng.randrange(len(picked)))
    elif kind == 1:
        picked.append(rng.choice(room.state))
    elif kind == 2 and picked:
        twin = rng.choice(picked)
        picked.append(room.event(twin.type, twin.sender, dict_of(twin.content),
                                 twin.state_key, depth=99))
    elif kind == 3 and picked:
        rejected.add(rng.choice(picked).event_id)
    elif kind == 4 and picked:
        other = "!" + "B" * 43 if room.version == "12" else "!other:a.org"
        at = rng.randrange(len(picked))
        if picked[at].type != "m.room.create":
            picked[at] = make_event_from_dict(
                {**picked[at].get_pdu_json(), "room_id": other}, room.room_version)
    return picked, rejected


@pytest.mark.parametrize("version", VERSIONS)
def test_auth_events_are_selected_and_judged_alike(version):
    rng = generator("refs", version)
    questions, expected = [], []
    for _ in range(AUTH_ROUNDS // 5):
        room = Room(rng, version)
        event = room.question()
        types = event_auth.auth_types_for_event(room.room_version, event)
        if version == "12":
            types.discard(("m.room.create", ""))
        questions.append({"op": "types", "version": version,
                          "event": event.get_pdu_json()})
        expected.append(types)
        picked = [e for e in room.state if (e.type, e.state_key) in types]
        picked, rejected = spoilt(rng, room, picked)
        picked = list({e.event_id: e for e in picked}.values())
        event = make_event_from_dict(
            {**event.get_pdu_json(), "auth_events": room.refs(picked)}, room.room_version)
        known = [make_event_from_dict(
            e.get_pdu_json(), room.room_version,
            rejected_reason="x" if e.event_id in rejected else None)
            for e in {e.event_id: e for e in [*room.state, *picked]}.values()]
        try:
            asyncio.run(event_auth.check_state_independent_auth_rules(Store(known), event))
            allowed = True
        except Exception:  # pylint: disable=broad-except
            allowed = False
        questions.append({"op": "auth", "version": version, "event": given(event),
                          "create": given(room.create),
                          "state": [given(e, rejected=e.event_id in rejected)
                                    for e in picked]})
        expected.append(allowed)
    for question, answer, theirs in zip(questions, ask(questions), expected, strict=True):
        if question["op"] == "types":
            assert {tuple(pair) for pair in answer["types"]} == theirs, question
        else:
            assert answer["refs_allowed"] == theirs, (answer, question)
    assert expected.count(True) > 50 and expected.count(False) > 50


@pytest.mark.parametrize("version", VERSIONS)
def test_create_events_are_judged_alike(version):
    rng = generator("create", version)
    room_version = KNOWN_ROOM_VERSIONS[version]
    events = []
    for _ in range(200):
        content = {}
        if rng.random() < 0.8:
            content["creator"] = "@creator:a.org"
        if rng.random() < 0.6:
            content["room_version"] = rng.choice(["1", "6", "12", "13", "parlour", ""])
        if rng.random() < 0.5:
            content["additional_creators"] = rng.choice(
                [[], ["@b:c"], ["@b:c", 5], "x", {}, ["b"], ["@" + "b" * 300 + ":c"], None])
        event = {"type": "m.room.create", "state_key": "", "sender": "@creator:a.org",
                 "content": content, "depth": 1, "origin_server_ts": 1,
                 "prev_events": [], "auth_events": [], "hashes": {"sha256": "x"},
                 "signatures": {}}
        if version != "12" or rng.random() < 0.2:
            event["room_id"] = rng.choice(["!r:a.org", "!r:a.org", "!r:b.org"])
        if int(version) < 3:
            event["event_id"] = "$1:a.org"
        if rng.random() < 0.1:
            event["prev_events"] = [["$0:a.org", {"sha256": "x"}]] \
                if int(version) < 3 else ["$" + "A" * 43]
        events.append(event)
    answers = ask({"op": "auth", "version": version, "event": {"json": event},
                   "state": []} for event in events)
    for event, answer in zip(events, answers, strict=True):
        try:
            parsed = make_event_from_dict(event, room_version)
            asyncio.run(event_auth.check_state_independent_auth_rules(Store([]), parsed))
            theirs = True
        except Exception:  # pylint: disable=broad-except
            theirs = False
        assert answer["allowed"] == theirs, (answer, event)
