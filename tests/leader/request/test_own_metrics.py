"""The leader's /metrics and health paths, as Prometheus and monitors read them."""

import re

from pikube.informer.informer import InformerStatistics
from pikube.informer.queue import QueueStatistics
from pikube.leader.metrics.own import LeaderStatistics, own_families
from pikube.leader.request.counts import RequestCounts, kind_of
from pikube.leader.request.documents import version_info
from pikube.leader.request.route import Query, parse_route
from pikube.leader.scheduler.scheduler import SchedulerStatistics
from pikube.wire.prometheus import render

LINE = re.compile(r'^(# (HELP|TYPE) .+|[a-z_]+(\{([a-z_]+="[^"]*",?)*\})? [-+0-9.eInf]+)$')


def lines_of(api):
    text = render(api.plane.counts.families()).decode()
    assert all(LINE.match(line) for line in text.splitlines()), text
    return text.splitlines()


async def test_requests_are_counted_by_verb_resource_and_code(api):
    path = "/api/v1/namespaces/default/configmaps"
    await api("POST", path, {"metadata": {"name": "a"}})
    await api("POST", path, {"metadata": {"name": "a"}})
    await api("GET", f"{path}/a")
    await api("GET", path)
    await api("GET", "/version")
    await api("GET", "/apis/unknown/v1/strangers")
    labels = 'group="",version="v1",resource="configmaps",subresource=""'
    lines = lines_of(api)

    def count(verb, scope, code):
        return f'apiserver_request_total{{verb="{verb}",{labels},scope="{scope}",component="apiserver",code="{code}"}} 1'

    assert count("POST", "resource", 201) in lines
    assert count("POST", "resource", 409) in lines
    assert count("GET", "resource", 200) in lines
    assert count("LIST", "namespace", 200) in lines
    assert any('verb="GET",group="",version="",resource=""' in line for line in lines)
    assert not any("strangers" in line for line in lines), "a stranger's words do not fill our memory"
    assert 'apiserver_current_inflight_requests{request_kind="readOnly"} 0' in lines
    assert any("apiserver_request_duration_seconds_bucket" in line and 'le="+Inf"' in line for line in lines)


def test_verbs_are_those_of_kube_apiserver():
    def kind(method, path, query=""):
        return kind_of(parse_route(method, path, Query(query)))

    assert kind("GET", "/api/v1/pods", "watch=true")[0] == "WATCH"
    assert kind("GET", "/api/v1/pods")[::5] == ("LIST", "cluster")
    assert kind("DELETE", "/api/v1/namespaces/a/pods")[0] == "DELETECOLLECTION"
    assert kind("POST", "/api/v1/namespaces/a/pods/p/exec")[0] == "CONNECT"
    assert kind("PATCH", "/apis/apps/v1/namespaces/a/deployments/d/scale")[:5] == (
        "PATCH", "apps", "v1", "deployments", "scale",
    )  # fmt: skip
    assert kind("GET", "/healthz") == ("GET", "", "", "", "", "")


def test_requests_under_way_are_counted():
    counts = RequestCounts()
    route = parse_route("POST", "/api/v1/namespaces", Query(""))
    counts.begin(route)
    assert counts.running == {"readOnly": 0, "mutating": 1}
    counts.end(route, 201, 0.01, is_known=True)
    assert counts.running == {"readOnly": 0, "mutating": 0}


async def test_the_leaders_parts_tell_their_figures(api):
    seen = LeaderStatistics(
        store=api.store.statistics(),
        queues={"deployment-controller": QueueStatistics(1, 2, 3, 4, 50, 6)},
        informers=(InformerStatistics("Pod", 7, 8, True),),
        scheduler=SchedulerStatistics(1, 2, 3),
        events_dropped=0,
    )
    lines = render(own_families(seen, version_info())).decode().splitlines()
    assert all(LINE.match(line) for line in lines), [line for line in lines if not LINE.match(line)]
    assert 'workqueue_depth{name="deployment-controller"} 1' in lines
    assert 'workqueue_adds_total{name="deployment-controller"} 50' in lines
    assert 'apiserver_resource_objects{group="",resource="namespaces"} 1' in lines
    assert 'pikube_informer_objects{kind="Pod"} 7' in lines
    assert 'scheduler_schedule_attempts_total{profile="default-scheduler",result="scheduled"} 2' in lines
    assert any(line.startswith("kubernetes_build_info{") for line in lines)


async def test_health_is_told_check_by_check(api):
    checks = {"ping": "", "etcd": "", "informer-sync": "2 caches not filled yet: Pod, Node"}
    api.health = checks
    assert (await api("GET", "/livez"))[0] == 200, "a leader that fills its caches lives"
    status, text = await api("GET", "/readyz")
    assert status == 500
    assert text.splitlines() == [
        "[+]ping ok",
        "[+]etcd ok",
        "[-]informer-sync failed: 2 caches not filled yet: Pod, Node",
        "readyz check failed",
    ]
    assert (await api("GET", "/readyz?exclude=informer-sync")) == (200, "ok")
    checks["informer-sync"] = ""
    assert (await api("GET", "/readyz")) == (200, "ok")
    status, text = await api("GET", "/readyz?verbose")
    assert status == 200 and text.splitlines()[-1] == "readyz check passed"
    assert "[+]informer-sync ok" in text
    assert (await api("GET", "/readyz/etcd")) == (200, "ok")
    assert (await api("GET", "/readyz/unknown"))[0] == 404
    assert "informer-sync" not in (await api("GET", "/livez?verbose"))[1]
