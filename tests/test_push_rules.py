"""Push rules: predefined and one's own, today's paths and those of 2015.

Spec: client-server-api/#push-rules-api, legacy-v1 pushrules.yaml.
"""

import pytest

from lib.client import V1, fresh, in_threads
from lib.http import quote

V2 = "/_matrix/client/v2_alpha"
NOT_FOUND = (404, "M_NOT_FOUND")
HIGHLIGHT = {"set_tweak": "highlight"}
KINDS = ["override", "content", "room", "sender", "underride"]
CAKE = {"pattern": "cake", "actions": ["notify", HIGHLIGHT]}


def path(kind, rule_id, tail="", base="/pushrules/global"):
    return f"{base}/{kind}/{quote(rule_id)}{tail}"


def ids(client, kind):
    """The user's own, in their order."""
    rules = client.get("/pushrules/")["global"][kind]
    return [r["rule_id"] for r in rules if not r["default"]]


def body_for(kind):
    return {"actions": ["notify"], **({"pattern": "cake"} if kind == "content" else {})}


def rule_id_for(kind):
    return {"room": "!room:example.org", "sender": "@ben:example.org"}.get(kind, "mine")


# --- adding, replacing, deleting ----------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_a_rule_of_each_kind_is_added_read_and_deleted(ann, kind):
    rule_id = rule_id_for(kind)
    assert ann.put(path(kind, rule_id), body_for(kind)) == {}
    got = ann.get(path(kind, rule_id))
    assert got.pop("conditions", []) == []
    assert got == {**body_for(kind), "rule_id": rule_id, "default": False, "enabled": True}
    assert ids(ann, kind) == [rule_id]
    assert ann.get("/pushrules/global/")[kind] == ann.get("/pushrules/")["global"][kind]
    assert ann.delete(path(kind, rule_id)) == {}
    ann.get(path(kind, rule_id), expect=NOT_FOUND)
    ann.delete(path(kind, rule_id), expect=NOT_FOUND)
    assert ids(ann, kind) == []


def test_rules_are_each_users_own(ann, ben):
    ann.put(path("content", "x"), CAKE)
    ben.get(path("content", "x"), expect=NOT_FOUND)


def test_conditions_are_kept_as_they_are_given(ann):
    conditions = [
        {"kind": "event_match", "key": "content.body", "pattern": "beer"},
        {"kind": "room_member_count", "is": "<=10"},
        {"kind": "org.example.later", "more": {"a": [1, None]}}]
    ann.put(path("override", "beer"), {"conditions": conditions, "actions": []})
    assert ann.get(path("override", "beer"))["conditions"] == conditions


def test_own_rules_stand_before_predefined_ones_but_behind_the_master_rule(ann):
    ann.put(path("override", "x"), {"actions": []})
    rules = [r["rule_id"] for r in ann.get("/pushrules/")["global"]["override"]]
    assert rules[:2] == [".m.rule.master", "x"] and rules[2] == ".m.rule.suppress_notices"
    ann.put(path("underride", "y"), {"actions": []})
    assert ann.get("/pushrules/")["global"]["underride"][0]["rule_id"] == "y"


def test_a_new_rule_is_the_most_important_one(ann):
    for rule_id in "ab":
        ann.put(path("content", rule_id), CAKE)
    assert ids(ann, "content") == ["b", "a"]
    ann.put(path("content", "a"), {**CAKE, "pattern": "pie"})
    assert ids(ann, "content") == ["b", "a"]
    assert ann.get(path("content", "a"))["pattern"] == "pie"


def test_before_and_after_say_where_it_stands(ann):
    for rule_id in "cba":
        ann.put(path("content", rule_id), CAKE)
    ann.put(path("content", "x") + "?before=b", CAKE)
    ann.put(path("content", "y") + "?after=b", CAKE)
    assert ids(ann, "content") == ["a", "x", "b", "y", "c"]
    ann.put(path("content", "a") + "?after=c", CAKE)
    assert ids(ann, "content") == ["x", "b", "y", "c", "a"]
    ann.put(path("content", "z") + "?after=x&before=c", CAKE)
    assert ids(ann, "content") == ["x", "b", "y", "z", "c", "a"]


@pytest.mark.parametrize("beside", ["nobody", ".m.rule.master", "other"])
@pytest.mark.parametrize("word", ["before", "after"])
def test_a_rule_beside_one_that_is_not_there_is_400(ann, word, beside):
    ann.put(path("underride", "other"), {"actions": []})
    got = ann.put(path("override", "x") + f"?{word}={quote(beside)}", {"actions": []},
                  expect=(400, "M_UNKNOWN"))
    assert got["error"] == f"before/after rule not found: {beside}"
    assert ids(ann, "override") == []


def test_what_was_switched_off_stays_so_when_it_is_replaced(ann):
    ann.put(path("content", "x"), CAKE)
    ann.put(path("content", "x", "/enabled"), {"enabled": False})
    ann.put(path("content", "x"), CAKE)
    assert ann.get(path("content", "x"))["enabled"] is False


@pytest.mark.parametrize("rule_id", [".mine", ".m.rule.master", "a/b", "a\\b", "x" * 256])
def test_rule_ids_that_are_not_allowed_are_400(ann, rule_id):
    ann.put(path("override", rule_id), {"actions": []}, expect=(400, "M_INVALID_PARAM"))


@pytest.mark.parametrize("kind, body, errcode", [
    ("override", {}, "M_MISSING_PARAM"),
    ("override", {"actions": "notify"}, "M_BAD_JSON"),
    ("override", {"actions": ["sing"]}, "M_INVALID_PARAM"),
    ("override", {"actions": [7]}, "M_INVALID_PARAM"),
    ("override", {"actions": [{"set_tweak": 7}]}, "M_BAD_JSON"),
    ("override", {"actions": [], "conditions": {}}, "M_BAD_JSON"),
    ("underride", {"actions": [], "conditions": ["x"]}, "M_BAD_JSON"),
    ("underride", {"actions": [], "conditions": [{"key": "x"}]}, "M_MISSING_PARAM"),
    ("underride", {"actions": [], "conditions": [{"kind": "x", "pattern": 7}]}, "M_BAD_JSON"),
    ("content", {"actions": []}, "M_MISSING_PARAM"),
    ("content", {"actions": [], "pattern": ["x"]}, "M_BAD_JSON"),
])
def test_a_rule_of_the_wrong_shape_is_400(ann, kind, body, errcode):
    ann.put(path(kind, "x"), body, expect=(400, errcode))
    ann.get(path(kind, "x"), expect=NOT_FOUND)


def test_a_body_that_is_no_json_object_is_400(ann):
    ann.reply("PUT", path("content", "x"), raw=b"[]", expect=(400, "M_BAD_JSON"))
    ann.reply("PUT", path("content", "x"), raw=b"nonsense", expect=(400, "M_NOT_JSON"))
    ann.reply("PUT", path("content", "x", "/enabled"), raw=b"true", expect=(400, "M_BAD_JSON"))


def test_there_are_no_other_kinds_of_rules(ann):
    for kind in ("overrides", "master", "global", ""):
        ann.put(f"/pushrules/global/{kind}/x", {"actions": []}, expect=404)
        ann.get(f"/pushrules/global/{kind}/x", expect=404)
    ann.put("/pushrules/device/tag/override/x", {"actions": []},
            expect=(404, "M_UNRECOGNIZED"))


def test_actions_of_the_past_are_taken_out(ann):
    ann.put(path("override", "x"), {"actions": ["dont_notify", "coalesce", "notify"]})
    assert ann.get(path("override", "x"))["actions"] == ["notify"]


def test_rules_beyond_measure_are_refused(ann):
    for n in range(8):
        got = ann.put(path("content", f"r{n}"), {"pattern": "x" * 10000, "actions": []},
                      expect=[200, (413, "M_TOO_LARGE")])
    assert got["errcode"] == "M_TOO_LARGE" and len(ids(ann, "content")) == 6
    ann.delete(path("content", "r0"))
    ann.put(path("content", "small"), CAKE)


def test_conditions_may_be_as_deep_as_can_be_read_again(ann):
    def put(depth):
        more = []
        for _ in range(depth):
            more = [more]
        return ann.put(path("override", "deep"), {"actions": [], "conditions": [
            {"kind": "org.example", "more": more}]}, expect=None)

    answers = [put(depth) for depth in range(85, 102)]
    assert answers[0] == {} and answers[-1]["errcode"] in ("M_BAD_JSON", "M_NOT_JSON")
    assert any(a.get("errcode") == "M_BAD_JSON" for a in answers)
    ann.get(path("override", "deep"))
    ann.delete(path("override", "deep"))


def test_guests_and_strangers_change_no_rules(api, guest):
    guest.put(path("content", "x"), CAKE, expect=(403, "M_GUEST_ACCESS_FORBIDDEN"))
    api.put(path("content", "x"), CAKE, expect=(401, "M_MISSING_TOKEN"))
    api.get("/pushrules/", expect=(401, "M_MISSING_TOKEN"))


def test_rules_put_at_the_same_time_are_all_there(ann):
    names = [fresh("r") for _ in range(12)]
    in_threads([lambda name=name: ann.put(path("content", name), CAKE) for name in names])
    assert sorted(ids(ann, "content")) == sorted(names)


def test_rules_are_there_after_a_restart(private):
    server = private()
    ann = server.api.register()
    ann.put(path("content", "x"), CAKE)
    ann.put(path("override", ".m.rule.master", "/enabled"), {"enabled": True})
    server.restart()
    assert ids(ann, "content") == ["x"]
    assert ann.get(path("override", ".m.rule.master", "/enabled")) == {"enabled": True}


# --- enabled, actions ---------------------------------------------------


@pytest.mark.parametrize("kind, rule_id, enabled", [
    ("override", ".m.rule.master", False), ("underride", ".m.rule.message", True),
    ("content", "x", True)])
def test_a_rule_is_switched(ann, kind, rule_id, enabled):
    ann.put(path("content", "x"), CAKE)
    where = path(kind, rule_id, "/enabled")
    assert ann.get(where) == {"enabled": enabled}
    for now in (not enabled, not enabled, enabled):
        assert ann.put(where, {"enabled": now}) == {}
        assert ann.get(where) == {"enabled": now}
        assert ann.get(path(kind, rule_id))["enabled"] is now


@pytest.mark.parametrize("kind, rule_id", [
    ("override", ".m.rule.tombstone"), ("underride", ".m.rule.message"), ("content", "x")])
def test_a_rule_is_given_other_actions(ann, kind, rule_id):
    ann.put(path("content", "x"), CAKE)
    where = path(kind, rule_id, "/actions")
    for actions in ([], ["notify"], ["notify", {"set_tweak": "sound", "value": "bing"}]):
        assert ann.put(where, {"actions": actions}) == {}
        assert ann.get(where) == {"actions": actions}
        got = ann.get(path(kind, rule_id))
        assert got["actions"] == actions and got["enabled"] is True


@pytest.mark.parametrize("tail, body", [
    ("/enabled", {"enabled": True}), ("/actions", {"actions": []})])
def test_a_rule_that_is_not_there_is_neither_read_nor_set(ann, tail, body):
    for kind, rule_id in (("override", "x"), ("override", ".m.rule.message"),
                          ("content", ".m.rule.contains_user_name"), ("rooms", "x")):
        ann.get(path(kind, rule_id, tail), expect=NOT_FOUND)
        ann.put(path(kind, rule_id, tail), body, expect=NOT_FOUND)


@pytest.mark.parametrize("tail, body, errcode", [
    ("/enabled", {}, "M_MISSING_PARAM"), ("/enabled", {"enabled": "yes"}, "M_BAD_JSON"),
    ("/enabled", {"enabled": 1}, "M_BAD_JSON"), ("/actions", {}, "M_MISSING_PARAM"),
    ("/actions", {"actions": {}}, "M_BAD_JSON"),
    ("/actions", {"actions": ["dance"]}, "M_INVALID_PARAM")])
def test_a_setting_of_the_wrong_shape_is_400(ann, tail, body, errcode):
    ann.put(path("override", ".m.rule.master", tail), body, expect=(400, errcode))


def test_predefined_rules_are_not_deleted(ann):
    ann.delete(path("override", ".m.rule.master"), expect=NOT_FOUND)
    ann.get(path("override", ".m.rule.master"))


# --- 2015 ---------------------------------------------------------------


@pytest.mark.parametrize("prefix", [V1, V2])
def test_2015s_paths_change_the_same_rules(own, ann, prefix):
    base = prefix + "/pushrules/global"
    where = path("room", "!a:example.org", base=base)
    assert ann.put(where, {"actions": ["dont_notify"]}) == {}
    assert ann.get(where)["actions"] == ["dont_notify"]
    assert ann.get(path("room", "!a:example.org"))["actions"] == []
    assert [r["rule_id"] for r in ann.get(f"{base}/room/")] == ["!a:example.org"]
    ann.put(where + "/actions", {"actions": ["coalesce"]})
    assert ann.get(path("room", "!a:example.org"))["actions"] == ["notify"]
    ann.delete(where)
    ann.get(path("room", "!a:example.org"), expect=NOT_FOUND)


def test_2015s_clients_switch_by_a_bare_boolean(own, ann):
    where = path("content", ".m.rule.contains_user_name", "/enabled",
                 base=V1 + "/pushrules/global")
    ann.reply("PUT", where, raw=b"false", expect=200)
    assert ann.get(where) == {"enabled": False}
    ann.put(where, {"enabled": True})
    assert ann.get(where) == {"enabled": True}
    ann.reply("PUT", where, raw=b'"false"', expect=(400, "M_BAD_JSON"))
    ann.reply("PUT", where, raw=b"null", expect=(400, "M_BAD_JSON"))


def test_2015s_clients_are_not_shown_conditions_that_they_take_for_met(own, ann):
    ann.put(path("override", "new"), {"actions": ["notify"], "conditions": [
        {"kind": "event_property_is", "key": "type", "value": "x"}]})
    ann.put(path("override", "old"), {"actions": ["notify"], "conditions": [
        {"kind": "event_match", "key": "type", "pattern": "x"}]})
    got = ann.get(V1 + "/pushrules/")["global"]["override"]
    assert [r["rule_id"] for r in got if not r["default"]] == ["old"]


@pytest.mark.parametrize("prefix", [V1, V2])
def test_2015s_devices_have_rules_of_their_own(own, ann, prefix):
    base = f"{prefix}/pushrules/device/{quote('my phone')}"
    where = path("content", "x", base=base)
    ann.put(where, CAKE)
    got = ann.get(where)
    assert got["pattern"] == "cake" and got["enabled"] is True and got["default"] is False
    ann.put(where + "/enabled", {"enabled": False})
    assert ann.get(where + "/enabled") == {"enabled": False}
    ann.put(where + "/actions", {"actions": []})
    assert ann.get(where + "/actions") == {"actions": ["dont_notify"]}
    assert [r["rule_id"] for r in ann.get(base + "/content/")] == ["x"]
    assert ann.get(base + "/")["override"] == []
    assert [r["rule_id"] for r in ann.get(prefix + "/pushrules/")["device"]["my phone"]
            ["content"]] == ["x"]
    assert "my phone" in ann.get(prefix + "/pushrules/device/")
    # They are no rules of the account's.
    ann.get(path("content", "x"), expect=NOT_FOUND)
    assert set(ann.get("/pushrules/")) == {"global"}
    ann.put(path("override", ".m.rule.master", "/enabled", base=base), {"enabled": True},
            expect=NOT_FOUND)
    ann.delete(where)
    ann.get(where, expect=NOT_FOUND)


def test_a_user_has_rules_for_a_bounded_number_of_devices(own, ann):
    for n in range(51):
        got = ann.put(path("content", "x", base=f"{V1}/pushrules/device/d{n}"), CAKE,
                      expect=[200, (413, "M_TOO_LARGE")])
    assert got["errcode"] == "M_TOO_LARGE"
    ann.put(path("content", "y", base=f"{V1}/pushrules/device/d0"), CAKE)
    ann.put(path("content", "y", base=f"{V1}/pushrules/device/{'x' * 256}"), CAKE,
            expect=(400, "M_INVALID_PARAM"))
