"""GET /_parlour/health and GET /metrics, in Prometheus' text format.

The names are listed in doc/operating.md.
"""

import re

LINE = re.compile(r'^[a-zA-Z_:][a-zA-Z0-9_:]*(\{([a-zA-Z_][a-zA-Z0-9_]*="(\\.|[^"\\])*",?)*\})?'
                  r' (-?[0-9.eE+-]+|NaN|[+-]Inf)$')


def test_health_is_answered_without_a_token(own):
    got = own.api.reply("GET", "/_parlour/health", token=None)
    assert got.status == 200


def test_metrics_are_what_prometheus_reads(own):
    got = own.metrics_http.ask("GET", "/metrics")
    assert got.status == 200 and got.headers["content-type"].startswith("text/plain")
    typed = set()
    for line in got.body.decode().splitlines():
        if line.startswith("# TYPE "):
            name, kind = line.split()[2:4]
            assert name not in typed and kind in ("counter", "gauge", "histogram", "summary")
            typed.add(name)
        elif line and not line.startswith("#"):
            assert LINE.match(line), line
            name = re.split(r"[{ ]", line)[0]
            assert name in typed or re.sub("_(bucket|sum|count)$", "", name) in typed, line


def test_no_sample_is_given_twice(own):
    text = own.metrics_http.ask("GET", "/metrics").body.decode()
    names = [line.rsplit(" ", 1)[0] for line in text.splitlines()
             if line and not line.startswith("#")]
    assert len(names) == len(set(names))


def test_counters_only_rise(own, ann):
    before = own.metrics()
    ann.send(ann.create_room(), "one more")
    after = own.metrics()
    rising = [k for k in before if k.split("{")[0].endswith("_total")]
    assert rising
    assert all(after[k] >= before[k] for k in rising)
    assert any(after[k] > before[k] for k in rising)


def test_parked_listeners_encodings_and_deliveries_are_told(own):
    names = " ".join(own.metrics())
    for word in ("parked", "encod", "deliver"):
        assert word in names, word


def test_metrics_are_not_served_to_clients(own):
    got = own.api.reply("GET", "/metrics", token=None)
    assert got.status == 404


def test_matrix_is_not_served_on_the_metrics_listener(own):
    assert own.metrics_http.ask("GET", "/_matrix/client/versions").status == 404
