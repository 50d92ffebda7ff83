"""Which route takes a request: by specificity, never by order in the file."""
import pytest
from support.gateway import settings
from support.problem import assert_problem


def fixed(name, match, extra=""):
    """A route that answers with its own name."""
    return f"""
[route.{name}]
match = {{ {match} }}
respond = {{ status = 200, body = "{name}", headers = {{ Content-Type = "text/plain" }} }}
{extra}
"""


ROUTES = "".join([
    fixed("rest", 'path = "/**"'),
    fixed("users", 'path = "/users"'),
    fixed("user", 'path = "/users/{id}"'),
    fixed("me", 'path = "/users/me"'),
    fixed("user_tail", 'path = "/users/{id}/**"'),
    fixed("deep", 'path = "/users/me/orders/{order}"'),
    fixed("files", 'path = "/files/**"'),
    fixed("json", 'path = "/users/{id}", headers = { Accept = "application/json" }'),
    fixed("debug", 'path = "/users/{id}", query = { debug = "1" }, priority = 1'),
    fixed("exact_host", 'host = "api.example.com", path = "/**"'),
    fixed("any_sub", 'host = "*.example.com", path = "/**"'),
    fixed("posts", 'path = "/methods", methods = ["POST", "PUT"]'),
])


@pytest.fixture
def routed(gateway):
    return gateway(settings(more=ROUTES.replace(', priority = 1 }', ' }\npriority = 1')))


@pytest.mark.parametrize("target, fields, host, route", [
    ("/", [], "x", "rest"),
    ("/users", [], "x", "users"),
    ("/users/", [], "x", "rest"),
    ("/users/7", [], "x", "user"),
    ("/users/me", [], "x", "me"),
    ("/users/me/x", [], "x", "user_tail"),
    ("/users/me/orders/1", [], "x", "deep"),
    ("/users/me/orders/1/2", [], "x", "user_tail"),
    ("/files", [], "x", "files"),
    ("/files/", [], "x", "files"),
    ("/files/a/b/c", [], "x", "files"),
    ("/filesystem", [], "x", "rest"),
    ("/USERS", [], "x", "rest"),
    ("/%75sers", [], "x", "users"),
    ("/users/7", [("Accept", "application/json")], "x", "json"),
    ("/users/7?debug=1", [], "x", "debug"),
    ("/users/7?debug=2", [], "x", "user"),
    ("/anything", [], "api.example.com", "exact_host"),
    ("/anything", [], "API.Example.COM:8080", "exact_host"),
    ("/anything", [], "www.example.com", "any_sub"),
    ("/anything", [], "example.com", "rest"),
])
def test_the_most_specific_route_wins(routed, target, fields, host, route):
    assert routed.ask(target=target, fields=fields, host=host).body.decode() == route


def test_a_wrong_method_is_405_with_allow(routed):
    answered = routed.ask("DELETE", "/methods")
    assert_problem(answered, 405)
    assert {name.strip() for name in answered.get("Allow").split(",")} >= {"POST", "PUT"}
    assert routed.ask("POST", "/methods").body == b"posts"


def test_no_route_is_404(gateway):
    one = gateway(settings(more=fixed("only", 'host = "a.example", path = "/x"')))
    assert_problem(one.ask(target="/x", host="b.example"), 404)
    assert_problem(one.ask(target="/y", host="a.example"), 404)
    assert one.ask(target="/x", host="a.example").body == b"only"


def test_get_routes_take_head(gateway):
    one = gateway(settings(more=fixed("page", 'path = "/page", methods = ["GET"]')))
    answered = one.ask("HEAD", "/page")
    assert (answered.status, answered.body) == (200, b"")
    assert answered.get("Content-Length") == "4"


def test_fixed_responses_say_what_the_file_says(gateway):
    one = gateway(settings(more="""
[route.old]
match = { path = "/old/**" }
respond = { status = 410, body = "gone", headers = { Content-Type = "text/plain", X-Why = "moved" } }
"""))
    with one.client() as client:
        for _ in range(2):
            answered = client.ask("POST", "/old/x", body=b"ignored")
            assert (answered.status, answered.body) == (410, b"gone")
            assert (answered.get("Content-Type"), answered.get("X-Why")) == ("text/plain", "moved")


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_redirects(gateway, status):
    one = gateway(settings(more=f"""
[route.moved]
match = {{ path = "/moved/{{id}}" }}
redirect = {{ to = "https://new.example/{{path.id}}", status = {status} }}
"""))
    answered = one.ask(target="/moved/7?x=1")
    assert (answered.status, answered.get("Location")) == (status, "https://new.example/7?x=1")


def test_a_redirect_that_lacks_a_fact_leads_nowhere(gateway):
    one = gateway(settings(more="""
[route.moved]
match = { path = "/moved" }
redirect = { to = "https://{header.X-Shop}.example/" }
"""))
    assert one.ask(target="/moved", fields=[("X-Shop", "a")]).get("Location") == "https://a.example/"
    assert_problem(one.ask(target="/moved"), 400, "rewrite_failed")


def test_params_are_given_to_the_rewrite(gateway, upstream):
    behind = upstream()
    one = gateway(settings(behind, more="""
[route.order]
match = { path = "/v2/users/{user}/orders/{order}" }
upstream = "main"
rewrite = { path = "/internal/{order}/of/{user}" }
"""))
    one.ask(target="/v2/users/u%201/orders/7?x=%2F")
    assert behind.last.target == "/internal/7/of/u%201?x=%2F"


def test_one_decision_for_every_spelling(gateway):
    """F3: what a policy of a route protects cannot be reached by another spelling."""
    one = gateway(settings(more=fixed("admin", 'path = "/admin/**"') + fixed("rest",
                                                                             'path = "/**"')))
    for target in ("/admin/x", "/%61dmin/x", "/./admin/x", "/a/../admin/x", "/a/%2e%2e/admin/x",
                   "/%61%64%6d%69%6e/x", "/admin/./x"):
        assert one.ask(target=target).body == b"admin", target
    for target in ("//admin/x", "/admin%2fx", "/admin\\x", "/admin%5cx", "/admin%00/x",
                   "/a/..%2fadmin/x"):
        assert one.ask(target=target).status == 400, target
    for target in ("/ADMIN/x", "/admin;/x", "/administrator"):
        assert one.ask(target=target).body == b"rest", target


def test_a_path_that_cannot_be_forwarded_is_refused_and_the_next_one_served(gateway, upstream):
    behind = upstream()
    one = gateway(settings(behind, route='rewrite = { path = "/in/{**}/x" }'))
    with one.client() as client:
        assert_problem(client.ask(target="/"), 400, "rewrite_failed")     # it would be /in//x
        assert client.ask(target="/a").status == 200
    assert [each.target for each in behind.requests] == ["/in/a/x"]
