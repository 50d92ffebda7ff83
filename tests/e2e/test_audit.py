"""The audit log: who did what, a chain that shows every change, crashes, rotation; and no secret in any output."""
import hashlib
import json
import re
import signal
import socket
import subprocess
import threading

import pytest
from support.allocations import allocations_in, counted
from support.client import ask
from support.gateway import run_command, settings
from support.issuer import Issuer, Key
from support.ports import free_port
from support.timing import BINARY, wait_until

KEY = "slk_of_acme_planted"


def sha256(key):
    return hashlib.sha256(key.encode()).hexdigest()


AUDIT = """
[log.audit]
file = "@dir@/audit.log"
query = ["page"]
"""
KEYED = AUDIT + 'key = { secret = "env:AUDIT_KEY" }\n'
ENVIRONMENT = {"AUDIT_KEY": "planted_audit_key"}
CONSUMERS = f"""
[auth.partners]
type = "api_key"
query = "api_key"
[consumer.acme]
keys = [{{ id = "k1", sha256 = "{sha256(KEY)}" }}]
claims = {{ tenant = "gold" }}
[route.user]
match = {{ path = "/users/{{id}}" }}
upstream = "main"
auth = ["partners"]
[route.open]
match = {{ path = "/open" }}
upstream = "main"
auth = "none"
"""


def config_of(behind, audit=KEYED, **more):
    return settings(behind, route='auth = ["partners"]', more=CONSUMERS + audit, **more)


def records(one, name="audit.log"):
    return [json.loads(line) for line in (one.folder / name).read_text().splitlines()]


def verify(*arguments):
    done = subprocess.run([BINARY, "audit", "verify", *map(str, arguments)], capture_output=True, text=True, timeout=30,
                          env=ENVIRONMENT)
    return done.returncode, done.stdout + done.stderr


def written(one, count):
    log = one.folder / "audit.log"
    wait_until(lambda: log.exists() and log.read_text().count("\n") >= count, f"{count} records")


@pytest.fixture
def audited(gateway, upstream):
    return gateway(config_of(upstream()), environment=ENVIRONMENT)


def test_who_did_what_and_who_was_not_let_in(audited):
    one = audited
    assert one.ask("GET", "/users/42?page=7&name=hidden", [("X-Api-Key", KEY)]).status == 200
    assert one.ask("POST", "/users/42", [("X-Api-Key", KEY)], b"seven b").status == 200
    assert one.ask("DELETE", "/users/43", [("X-Api-Key", "slk_wrong")]).status == 401
    assert one.ask("GET", "/users/44", []).status == 401
    assert one.ask("GET", "/open", []).status == 200          # nobody asked who it is
    one.reload(code=0)
    written(one, 7)
    one.stop()
    found = records(one)
    assert [record["seq"] for record in found] == list(range(1, len(found) + 1))
    allowed, posted, wrong, missing = [record for record in found if record["event"] == "request"]
    assert allowed["decision"] == "allowed" and allowed["consumer"] == "acme" and allowed["credential"] == "k1"
    assert allowed["auth_method"] == "api_key" and allowed["authenticator"] == "partners"
    assert allowed["operation"] == "GET" and allowed["route"] == "user" and allowed["status"] == 200
    assert allowed["params"] == {"id": "42"} and allowed["query"] == {"page": "7"}
    assert allowed["request_id"] and allowed["trace_id"] and allowed["duration_ms"] > 0
    assert (allowed["request_bytes"], allowed["response_bytes"]) == (0, len(b"hello"))
    assert (posted["operation"], posted["request_bytes"], posted["response_bytes"]) == ("POST", 7, 5)
    assert wrong["response_bytes"] > 50 and wrong["decision"] == "denied" and wrong["operation"] == "DELETE" and wrong["problem"] == "api_key_unknown"
    assert "consumer" not in wrong and wrong["params"] == {"id": "43"}
    assert wrong["policy"] == "auth" and wrong["rule"] == "partners"
    assert missing["policy"] == "auth" and "rule" not in missing and "policy" not in allowed
    assert missing["decision"] == "denied" and missing["problem"] == "credentials_missing"
    control = [(record["action"], record.get("outcome")) for record in found if record["event"] == "control"]
    assert control == [("start", "applied"), ("reload_asked", None), ("reload", "unchanged"), ("stop", None)]
    code, said = verify(one.folder / "audit.log", "--key", "env:AUDIT_KEY")
    assert code == 0 and f"good: {len(found)} records" in said, said


def test_fields_are_written_where_listed_and_their_values_where_not_redacted(gateway, upstream):
    fields = [("X-Reason", "a call"), ("x-person", "planted_person"), ("X-Other", "planted_other")]
    behind = upstream()
    one = gateway(config_of(behind, KEYED + 'headers = ["X-Reason", "X-Person", "X-None"]\nredact = ["header.X-Person"]\n'),
                  environment=ENVIRONMENT)
    assert one.ask("GET", "/users/42", [("X-Api-Key", KEY), *fields]).status == 200
    assert one.ask("GET", "/users/42", fields).status == 401
    assert one.ask("GET", "/users/42", [("X-Api-Key", KEY)]).status == 200
    one.stop()
    assert behind.requests[0].get("X-Person") == "planted_person"      # redacted is what is written, not what is sent
    requests = [record for record in records(one) if record["event"] == "request"]
    assert [record.get("headers") for record in requests] == [{"X-Reason": "a call", "X-Person": "***"}] * 2 + [None]
    for log in ("audit.log", "audit.log.head", "access.log", "error.log"):
        assert "planted" not in (one.folder / log).read_text(), log


def test_the_limit_that_decided_is_named(gateway, upstream):
    more = AUDIT + '[limit.few]\nkey = "route"\nrate = "1/1h"\nburst = 1\n[consumer.acme]\nkeys = [{ id = "k1", sha256 = "' + sha256(KEY) \
        + '" }]\n[auth.partners]\ntype = "api_key"\n'
    one = gateway(settings(upstream(), route='limit = ["few"]\nauth = ["partners"]', more=more))
    assert one.ask("GET", "/1", [("X-Api-Key", KEY)]).status == 200
    assert one.ask("GET", "/2", [("X-Api-Key", KEY)]).status == 429
    one.stop()
    allowed, limited = [record for record in records(one) if record["event"] == "request"]
    assert allowed["decision"] == "allowed" and "policy" not in allowed
    assert limited["decision"] == "denied" and limited["policy"] == "limit" and limited["rule"] == "few"
    assert limited["problem"] == "rate_limited" and limited["status"] == 429


def test_a_policy_that_refuses_with_503_denies(gateway, upstream, tmp_path):
    one = gateway(settings(upstream(), route='auth = ["idp"]', more=AUDIT + f'''
[auth.idp]
type = "jwt"
issuer = "https://id.example"
audience = "orders"
jwks_uri = "http://127.0.0.1:{free_port()}/keys"
'''))
    token = Issuer().token(Key(tmp_path, "k1", "ES256"))
    assert one.ask("GET", "/a", [("Authorization", f"Bearer {token}")]).status == 503
    one.stop()
    [denied] = [record for record in records(one) if record["event"] == "request"]
    assert denied["decision"] == "denied" and denied["policy"] == "auth" and denied["rule"] == "idp"
    assert denied["problem"] == "token_keys_unavailable" and denied["status"] == 503 and token not in str(denied)


def test_a_changed_key_file_and_a_refused_reload_are_on_record(gateway, upstream, tmp_path):
    def line(key):
        return json.dumps({"id": "k1", "consumer": "acme", "sha256": sha256(key)}) + "\n"
    store = tmp_path / "keys.jsonl"
    store.write_text(line("first"))
    one = gateway(settings(upstream(), route='auth = ["files"]', more=AUDIT + f'[auth.files]\ntype = "api_key"\nstore = "file:{store}"\n'))
    wait_until(lambda: "files read" in one.error_log(), "the first reading")
    store.write_text(line("first") + line("second"))
    wait_until(lambda: one.ask("GET", "/", [("X-Api-Key", "second")]).status == 200, "the second key")
    store.write_text("no key\n")
    wait_until(lambda: "files refused" in one.error_log(), "the refusal")
    one.config.write_text(one.config.read_text() + "\n[auth.broken]\n")
    one.reload(code=1)
    one.stop()
    control = [record for record in records(one) if record["event"] == "control"]
    read = [(record["outcome"], record["target"], record["detail"]) for record in control if record["action"] == "files_read"]
    assert read[0] == ("applied", "auth.files", "1 keys") and read[1] == ("applied", "auth.files", "2 keys"), read
    assert read[-1][0] == "refused" and "line 1: not a JSON object" in read[-1][2]
    asked, refused = [record for record in control if record["action"].startswith("reload")]
    assert asked["by"].startswith("uid ") and refused["outcome"] == "refused" and "auth.broken" in refused["detail"]
    assert not refused["detail"].endswith("\n")
    assert verify(one.folder / "audit.log")[0] == 0


def test_a_change_is_found_and_the_wrong_key_too(audited):
    one = audited
    for _ in range(3):
        one.ask("GET", "/users/42", [("X-Api-Key", KEY)])
    one.stop()
    log = one.folder / "audit.log"
    text = log.read_text()
    log.write_text(text.replace('"id":"42"', '"id":"43"', 1))
    code, said = verify(log, "--key", "env:AUDIT_KEY")
    assert code == 1 and f"{log}:2: record 2 was changed" in said, said
    log.write_text("".join(text.splitlines(True)[:-1]))
    code, said = verify(log, "--key", "env:AUDIT_KEY")
    assert code == 1 and "its tail is missing" in said, said
    log.write_text(text)
    assert verify(log)[0] == 1
    assert verify(log, "--key", "env:NOT_SET")[0] == 2
    assert verify(one.folder / "none.log")[0] == 2
    for head in (one.folder, one.folder / "none.head"):
        code, said = verify(log, "--key", "env:AUDIT_KEY", "--head", str(head))
        assert code == 2 and f"cannot read {head}" in said, said


@pytest.mark.threads
def test_a_killed_gateway_goes_on_and_names_the_break(audited):
    one = audited
    for _ in range(20):
        one.ask("GET", "/users/42", [("X-Api-Key", KEY)])
    written(one, 21)
    one.process.send_signal(signal.SIGKILL)
    one.process.wait(10)
    one.process = None
    with (one.folder / "audit.log").open("a") as log:
        log.write('{"seq":       half of')
    one.start()
    one.ask("GET", "/users/42", [("X-Api-Key", KEY)])
    (one.folder / "audit.log").rename(one.folder / "audit.log.1")
    one.signal(signal.SIGUSR1)
    wait_until((one.folder / "audit.log").exists, "the new file")
    one.ask("GET", "/users/42", [("X-Api-Key", KEY)])
    one.stop()
    files = (one.folder / "audit.log.1", one.folder / "audit.log")
    code, said = verify(*files, "--key", "env:AUDIT_KEY")
    assert code == 0 and "break: the log was not closed" in said, said
    assert re.search(r'audit log has a break path=\S+ seq=\d+ reason="the log was not closed: ', one.error_log())
    assert verify(files[1], "--key", "env:AUDIT_KEY")[0] == 1      # its beginning is elsewhere


def test_the_head_is_in_its_file_and_in_the_metrics(audited):
    one = audited
    one.ask("GET", "/users/42", [("X-Api-Key", KEY)])
    written(one, 2)
    head_file = one.folder / "audit.log.head"

    def agree():
        head = json.loads(head_file.read_text())
        page = ask(one.admin, "GET", "/metrics").body.decode()
        return f'sluice_audit_head_info{{sequence="{head["seq"]}",hash="{head["hash"]}"}} 1' in page
    wait_until(agree, "head and metrics agree")
    one.wait_for_error_line("audit log head")


@pytest.mark.plain_build
@pytest.mark.parametrize("audit, of_openssl", [(AUDIT, 1), (KEYED, 2)])
def test_no_allocation_of_ours_per_record(gateway, tmp_path, upstream, audit, of_openssl):
    """Against the same without an audit log. OpenSSL 3.0 makes one for each digest and two for each HMAC, on the
    thread that writes the logs."""
    def allocations(more, numbers):
        one = gateway(config_of(upstream(), more), environment={**ENVIRONMENT, **counted(tmp_path, numbers)})
        client = one.client()

        def count_after(times, records):
            for _ in range(times):
                assert client.ask(target="/users/42?page=1", fields=[("X-Api-Key", KEY)]).status == 200
            if more:
                written(one, records)
            return allocations_in(numbers)
        start = count_after(300, 301)
        used = [after - before for before, after in zip(start, count_after(600, 901))]
        client.socket.close()
        return used
    with_it, without = allocations(audit, tmp_path / "with"), allocations("", tmp_path / "without")
    openssl, ours = (most - least for least, most in zip(without, with_it))
    found = f"in 600 requests {ours} allocations more, and {openssl} of OpenSSL's"
    print(found)
    # aside: what the head's file takes once a second
    assert ours <= 200 and openssl <= of_openssl * 600 + 200, found


class Syslog:
    """A unix socket that messages come to, read as they come: the kernel holds ten."""

    def __init__(self, path):
        self.path = path
        self.messages = []
        self.start()

    def start(self):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(str(self.path))
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def run(self):
        while message := self.socket.recv(70_000):
            self.messages.append(message.decode())

    def stop(self):
        """What was sent before is read."""
        if not self.path.exists():
            return
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as end:
            end.sendto(b"", str(self.path))
        self.thread.join()
        self.socket.close()
        self.path.unlink()


@pytest.fixture(scope="module")
def redis(shared_redis):
    return shared_redis()


@pytest.fixture
def syslog(tmp_path):
    one = Syslog(tmp_path / "syslog")
    yield one
    one.stop()


def sinks_of(syslog, redis, stream, **more):
    extra = "".join(f"{name} = {value}\n" for name, value in more.items())
    return f"""
[redis.main]
url = "unix:{redis.path}"
{KEYED}{extra}
[log.audit.syslog]
address = "unix:{syslog.path}"
[log.audit.redis]
store = "main"
stream = "{stream}"
"""


@pytest.mark.threads
def test_syslog_and_redis_get_every_record_as_it_is_in_the_file(gateway, upstream, syslog, redis, tmp_path):
    one = gateway(config_of(upstream(), sinks_of(syslog, redis, "copies")), environment=ENVIRONMENT)
    for number in range(5):
        one.ask("GET", f"/users/{number}", [("X-Api-Key", KEY)])
    one.reload(config_of(upstream(), sinks_of(syslog, redis, "copies", claims='["tenant"]')))   # the places stay
    one.ask("GET", "/users/1", [("X-Api-Key", KEY)])
    one.stop()
    lines = (one.folder / "audit.log").read_text().splitlines()
    syslog.stop()
    messages = syslog.messages
    assert [message.split(" ", 7)[7] for message in messages] == lines
    assert all(message.startswith("<86>1 20") or '"event":"control"' in message for message in messages)
    answered = json.loads(redis.ask("--json", "XRANGE", "copies", "-", "+"))
    assert [entry[1][1] for entry in answered] == lines
    copy = tmp_path / "copy.log"
    copy.write_text("".join(entry[1][1] + "\n" for entry in answered))
    code, said = verify(copy, "--key", "env:AUDIT_KEY", "--head", one.folder / "audit.log.head")
    assert code == 0 and f"good: {len(lines)} records" in said, said


def test_requests_go_on_while_redis_and_syslog_are_away(gateway, upstream, syslog, shared_redis):
    silent = shared_redis()
    syslog.stop()
    one = gateway(config_of(upstream(), sinks_of(syslog, silent, "copies")), environment=ENVIRONMENT)
    silent.freeze()
    for number in range(20):
        assert one.ask("GET", f"/users/{number}", [("X-Api-Key", KEY)]).status == 200
    written(one, 21)
    for place in ("audit_syslog", "audit_redis"):
        one.wait_for_metric(1, "sluice_log_failures_total", log=place)
    one.wait_for_error_line("audit records are not passed on to=audit_syslog")
    silent.thaw()
    syslog.start()
    wait_until(lambda: int(silent.ask("XLEN", "copies") or 0) >= 21, "all records in Redis")
    wait_until(lambda: len(syslog.messages) >= 21, "all records in syslog")
    one.stop()


SECRETS = [KEY, "slk_planted_wrong", "planted_bearer", "planted_basic", "planted_cookie", "planted_proxy", "planted_audit_key"]
FORMATS = ["json", "common", "combined",
           "{time} {ip} {request} {status} {problem} {user_agent} {referer} {header.X-Team} {query.a}"]


@pytest.mark.parametrize("log_format", FORMATS)
@pytest.mark.parametrize("query", ["false", "true"])
def test_no_credential_in_any_output(gateway, upstream, syslog, redis, log_format, query):
    """Of every kind there is, sent to routes that take, refuse and do not ask for them."""
    stream = f"planted {log_format} {query}".replace('"', "")
    config = config_of(upstream(), sinks_of(syslog, redis, stream), log_access=f"format = '{log_format}'\nquery = {query}").replace('level = "info"', 'level = "debug"')
    one = gateway(config, environment=ENVIRONMENT)
    others = [("Authorization", "Bearer planted_bearer"), ("Cookie", "session=planted_cookie"),
              ("Proxy-Authorization", "Basic planted_proxy")]
    said = []
    for key in (KEY, "slk_planted_wrong"):
        for path in ("/users/1", "/other", "/"):
            for method in ("GET", "POST", "OPTIONS"):
                said.append(one.ask(method, path, [("X-Api-Key", key), *others]))
                said.append(one.ask(method, f"{path}?a=1&api_key={key}&b=2", others))
                said.append(one.ask(method, path, [("X-Api-Key", key), ("X-Api-Key", key), ("Authorization", "Basic planted_basic")]))
        said.append(one.ask("GET", "/open", [("X-Api-Key", key), *others]))
        said.append(one.ask("GET", "/users/%zz", [("X-Api-Key", key), *others]))
    said.append(ask(one.admin, "GET", "/metrics"))
    said.append(ask(one.admin, "GET", "/status"))
    # What the route does not take for a credential is forwarded, and explain shows what the upstream gets.
    explained = run_command("explain", "-c", str(one.config), "-H", f"X-Api-Key: {KEY}", "GET", f"http://127.0.0.1:{one.port}/users/1")
    shown = run_command("config", "show", str(one.config))
    one.reload()
    one.stop()
    syslog.stop()
    sinks = {"access log": (one.folder / "access.log").read_text(), "error log": one.error_log(), "output": one.output_text(),
             "audit log": (one.folder / "audit.log").read_text(), "head": (one.folder / "audit.log.head").read_text(),
             "syslog": "\n".join(syslog.messages), "redis": redis.ask("XRANGE", stream, "-", "+"),
             "explain": explained.stdout + explained.stderr, "config show": shown.stdout + shown.stderr}
    for sink in ("audit log", "syslog", "redis"):
        assert sinks[sink].count('"event":"request"') > 30, sink
    assert sinks["access log"].count("\n") > 30
    for number, response in enumerate(said):
        fields = " ".join(f"{name}: {value}" for name, value in response.fields)
        sinks[f"answer {number} ({response.status})"] = fields + response.body.decode(errors="replace")
    for sink, text in sinks.items():
        for secret in SECRETS:
            assert secret not in text, f"{secret} in {sink}: {text[max(0, text.find(secret) - 200):text.find(secret) + 60]}"
