"""Builds the fuzz targets and runs each for a while; a finding stays under build/fuzz/findings.

--coverage runs nothing new: it shows which lines of each target's parser its corpus reaches.
--merge keeps, of what was found, the few inputs that reach something new, in the checked-in corpus.
"""
import argparse
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / "build" / "fuzz"
COVERAGE = ROOT / "build" / "fuzz-coverage"
CORPUS = ROOT / "tests" / "fuzz" / "corpus"
CODE_REGION = 0   # of clang's coverage mapping; others are gaps and macros

# The parser of each target: files under src/, whose lines count for its coverage.
PARSERS = {
    "audit_fuzz": ["observe/audit_frame.cc", "observe/audit_head.cc", "observe/audit_redact.cc", "observe/audit_verify.cc"],
    "basic_fuzz": ["policy/auth/basic_credentials.cc", "policy/auth/user_table.cc", "base/base64.cc"],
    "aws_signature_fuzz": ["policy/signature/aws_signature.cc",
                           "policy/signature/aws_canonical.cc",
                           "policy/signature/aws_verifier.cc", "policy/signature/form_text.cc"],
    "chunked_fuzz": ["http/h1_chunk.cc"],
    "client_hello_fuzz": ["net/tls_server_context.cc:client_hello_name",
                          "net/tls_settings.cc:lower_host_name"],
    "config_fuzz": ["config/toml.cc", "config/value.cc", "config/environment.cc",
                    "config/reader.cc", "config/template.cc", "config/units.cc",
                    "snapshot/config.cc", "snapshot/sections.cc", "snapshot/listen_section.cc"],
    "cookie_fuzz": ["http/cookie.cc"],
    "forwarded_fuzz": ["proxy/forwarded.cc"],
    "grpc_web_fuzz": ["http/grpc_web.cc:decode"],
    "h1_request_fuzz": ["http/h1_head.cc", "http/h1_scanner.cc", "http/rules.cc",
                        "http/rules_fields.cc", "http/rules_lines.cc", "http/h1_trailers.cc"],
    "h1_response_fuzz": ["http/h1_head.cc", "http/h1_scanner.cc", "http/rules_fields.cc",
                         "http/rules_lines.cc"],
    "grpc_health_fuzz": ["upstream/grpc_health.cc"],
    "h2_head_fuzz": ["http/h2_head.cc"],
    "h2_session_fuzz": ["http/h2_session.cc", "http/h2_streams.cc", "http/h2_submit.cc", "http/h2_stream.cc",
                        "http/h2_server.cc", "http/h2_client.cc", "http/h2_head.cc", "http/h2_follower.h"],
    "http_signature_fuzz": ["policy/signature/offered_signature.cc", "policy/signature/component.cc",
                            "policy/signature/signed_message.cc",
                            "policy/signature/message_verifier.cc"],
    "ip_list_fuzz": ["base/ip_ranges.cc", "policy/ip_filter/ip_list_file.cc:read_ip_ranges"],
    "jwk_set_fuzz": ["policy/auth/jwk_set.cc", "policy/auth/jwt_keys.cc",
                     "policy/auth/revocations.cc"],
    "jwt_fuzz": ["policy/auth/jwt_token.cc", "policy/auth/jwt_claims.cc", "base/base64url.cc",
                 "policy/auth/identity_block.cc"],
    "log_format_fuzz": ["observe/log_format.cc", "observe/log_line.cc"],
    "packed_identity_fuzz": ["policy/ticket/packed_identity.cc"],
    "proxy_protocol_fuzz": ["net/proxy_protocol.cc"],
    "redis_reply_fuzz": ["redis/reply_reader.cc", "redis/reply.cc"],
    "route_fuzz": ["route/pattern.cc", "route/host_pattern.cc", "route/router.cc"],
    "structured_field_fuzz": ["policy/signature/structured_field.cc",
                              "policy/signature/structured_writer.cc", "base/base64.cc"],
    "texts_fuzz": ["config/units.cc", "config/template.cc", "base/ip.cc", "observe/trace.cc"],
    "token_field_fuzz": ["policy/auth/token_field.cc:find,remove", "policy/auth/subprotocol.cc:find,remove"],
    "uri_fuzz": ["http/uri.cc", "http/authority.cc"],
    "ws_follower_fuzz": ["http/ws_follower.cc"],
    "ws_frame_fuzz": ["http/ws_frame.cc", "http/ws_deflate.cc", "proxy/message_flow.cc", "proxy/message_rules.cc"],
}


def build(names, preset="fuzz"):
    subprocess.run(["cmake", "--preset", preset], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    subprocess.run(["ninja", "--quiet", "-C", ROOT / "build" / preset, *names], check=True)


def seeds_of(name):
    return CORPUS / name.removesuffix("_fuzz")


def run(name, seconds):
    """Fuzzes one target; new inputs go to the build folder, the checked-in corpus is only read."""
    seeds = seeds_of(name)
    found, corpus = BUILD / "findings" / name, BUILD / "corpus" / name
    for folder in (found, corpus):
        folder.mkdir(parents=True, exist_ok=True)
    command = [BUILD / name, corpus, *([seeds] if seeds.is_dir() else []),
               f"-max_total_time={seconds}", f"-artifact_prefix={found}/", "-print_final_stats=1"]
    done = subprocess.run(command, capture_output=True, text=True, errors="replace",
                          env={**os.environ, "ASAN_OPTIONS": "detect_leaks=1"})
    if done.returncode != 0:
        print(f"{name}: FAILED, input in {found}\n{done.stderr[-6000:]}")
    else:
        runs = [line for line in done.stderr.splitlines() if "number_of_executed_units" in line]
        print(f"{name}: clean, {runs[0].split()[-1] if runs else '?'} runs")
    return done.returncode == 0


def merge(name):
    """Adds to the checked-in corpus what reaches something that it does not reach."""
    seeds_of(name).mkdir(exist_ok=True)
    # Without counters: an input counts that reaches a new edge, not one that reaches it oftener.
    subprocess.run([BUILD / name, "-merge=1", "-use_counters=0", seeds_of(name),
                    BUILD / "corpus" / name], check=True, capture_output=True)
    files = list(seeds_of(name).iterdir())
    print(f"{name}: {len(files)} files, {sum(f.stat().st_size for f in files)} bytes")
    return True


def llvm(tool):
    """clang's own tools, whose formats belong to its version."""
    version = subprocess.run(["clang", "-dumpversion"], capture_output=True, text=True, check=True)
    return shutil.which(f"{tool}-{version.stdout.split('.')[0]}") or tool


def coverage(name):
    """Prints the lines of the parser that the checked-in corpus reaches."""
    raw, profile = COVERAGE / f"{name}.profraw", COVERAGE / f"{name}.profdata"
    subprocess.run([COVERAGE / name, "-runs=0", seeds_of(name)], check=True, capture_output=True,
                   env={**os.environ, "LLVM_PROFILE_FILE": str(raw)})
    subprocess.run([llvm("llvm-profdata"), "merge", "-o", profile, raw], check=True)
    exported = subprocess.run([llvm("llvm-cov"), "export", COVERAGE / name,
                               f"-instr-profile={profile}"],
                              check=True, capture_output=True, text=True)
    data = json.loads(exported.stdout)["data"][0]
    covered = total = 0
    for entry in PARSERS[name]:
        path, _, functions = entry.partition(":")
        one = (lines_of_functions(data, path, functions.split(",")) if functions
               else lines_of_file(data, path))
        covered, total = covered + one[0], total + one[1]
    print(f"{name}: {100 * covered / total:.1f} % of {total} lines in {' '.join(PARSERS[name])}")
    return True


def lines_of_file(data, path):
    """gives: (lines reached, lines) of a source under src/"""
    for file in data["files"]:
        if file["filename"].endswith(f"src/{path}"):
            return file["summary"]["lines"]["covered"], file["summary"]["lines"]["count"]
    raise SystemExit(f"no coverage of {path}")


def lines_of_functions(data, path, wanted):
    """gives: (lines reached, lines) of some functions of a source"""
    reached, every = set(), set()
    for function in data["functions"]:
        if not function["filenames"][0].endswith(f"src/{path}"):
            continue
        if not any(name in function["name"] for name in wanted):
            continue
        counts = {}
        # The innermost region of a line decides; regions come from the outside in.
        for first, _, last, _, count, _, _, kind in function["regions"]:
            if kind == CODE_REGION:
                counts.update({line: count for line in range(first, last + 1)})
        every |= set(counts)
        reached |= {line for line, count in counts.items() if count}
    return len(reached), len(every)


def main():
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--seconds", type=int, default=60)
    options.add_argument("--coverage", action="store_true")
    options.add_argument("--merge", action="store_true")
    options.add_argument("names", nargs="*", help="targets; all when none is given")
    chosen = options.parse_args()
    names = chosen.names or sorted(p.stem for p in (ROOT / "tests" / "fuzz").glob("*_fuzz.cc"))
    build(names, "fuzz-coverage" if chosen.coverage else "fuzz")
    if chosen.coverage:
        results = [coverage(name) for name in names]
    elif chosen.merge:
        results = [merge(name) for name in names]
    else:
        results = [run(name, chosen.seconds) for name in names]
    print(f"{sum(results)} passed, {len(results) - sum(results)} failed")
    sys.exit(0 if results and all(results) else 1)


if __name__ == "__main__":
    main()
