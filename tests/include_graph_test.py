"""Holds the #includes of src/ to the table of docs/architecture.md: who may look at whom."""
import re
from pathlib import Path

import pytest

SRC = Path(__file__).resolve().parents[1] / "src"

# folder -> folders it may include, itself and base apart. "below" is every folder of a lower level.
LEVELS = [
    ["base"],
    ["loop", "crypto", "config"],
    ["net", "http", "store"],
    ["wire", "redis", "observe", "route"],
    ["server", "upstream"],
    ["policy", "export"],
    ["plugin"],
    ["snapshot"],
    ["proxy", "realtime", "hooks"],
    ["control"],
    ["admin"],
    ["cli"],
]
TABLE = {
    "base": "",
    "loop": "", "crypto": "", "config": "",
    "net": "loop crypto", "http": "", "store": "loop",
    "wire": "loop net http",
    "redis": "loop net crypto",
    "observe": "loop config crypto http",
    "route": "http config",
    "server": "loop net http wire observe",
    "upstream": "loop net http wire config crypto observe",
    "policy": "loop http crypto config observe redis upstream",
    "export": "loop net redis upstream observe crypto",
    "plugin": "policy http config",
}
BELOW = ["snapshot", "proxy", "realtime", "hooks", "control", "admin", "cli"]
MAIN = "(main)"   # src/main.cc sees what cli sees

# One door per library: header prefix -> folders whose files may include it.
DOORS = {
    "uv.h": ["loop", "net"],
    "openssl/": ["crypto", "net"],
    "argon2.h": ["crypto"],
    "crypt.h": ["crypto"],
    "toml++/": ["config"],
    "toml.hpp": ["config"],
    "ares": ["net"],
    "llhttp.h": ["http"],
    "nghttp2/": ["http"],
    "zlib.h": ["http"],
    "hiredis": ["redis"],
    "prometheus/": ["observe"],
    "libwebsockets.h": ["upstream"],
    "fmt/": ["base"],
    "simdjson.h": ["base"],
    "CLI/": ["cli", MAIN],
    "sluice/": ["plugin"],   # our own C header, plugins/include
    "dlfcn.h": ["plugin"],
}
INCLUDE = re.compile(r'^\s*#\s*include\s+(["<])([^">]+)[">]', re.MULTILINE)
NAMESPACE = re.compile(r"^\s*namespace\s+([\w:]+)\s*\{", re.MULTILINE)
FORWARD = re.compile(
    r"^\s*namespace\s+sluice::(\w+)\s*\{\s*((?:(?:class|struct)\s+\w+;\s*)+)\}", re.MULTILINE)


def sources():
    return sorted(path for path in SRC.rglob("*") if path.suffix in (".h", ".cc"))


def folder_of(path):
    parts = path.relative_to(SRC).parts
    return parts[0] if len(parts) > 1 else MAIN


def allowed(folder):
    if folder == MAIN:
        return {name for level in LEVELS for name in level}
    if folder in BELOW:
        level = next(i for i, names in enumerate(LEVELS) if folder in names)
        return {name for names in LEVELS[:level] for name in names} | {folder}
    return {folder, "base", *TABLE[folder].split()}


def text_of(path):
    text = path.read_text()
    return re.sub(r"//[^\n]*|/\*.*?\*/", "", text, flags=re.DOTALL)


def includes(path):
    """gives: (quoted, name) of each #include"""
    return [(kind == '"', name) for kind, name in INCLUDE.findall(text_of(path))]


def own_includes():
    for path in sources():
        for quoted, name in includes(path):
            if quoted:
                yield path, name


def relative(path):
    return str(path.relative_to(SRC))


def test_there_is_something_to_check():
    assert len(sources()) > 10


def test_every_folder_is_in_the_table():
    known = set(TABLE) | set(BELOW)
    assert {folder_of(path) for path in sources()} - {MAIN} <= known


def test_the_table_is_the_one_in_the_documents():
    page = (SRC.parent / "docs" / "architecture.md").read_text()
    documented = {folder: seen.strip() for folder, seen in
                  re.findall(r"^\| `(\w+)` \|([^|]*)\|", page, re.MULTILINE)
                  if folder in TABLE or folder in BELOW}
    expected = {folder: ", ".join(seen.split()) for folder, seen in TABLE.items()}
    expected.update({folder: "all above" for folder in BELOW})
    assert documented == expected


def test_includes_start_at_src_and_exist():
    wrong = [f"{relative(path)} includes {name}" for path, name in own_includes()
             if "/" not in name or not (SRC / name).is_file()]
    assert wrong == []


def test_folders_include_only_what_the_table_allows():
    wrong = [f"{relative(path)} includes {name}" for path, name in own_includes()
             if name.split("/")[0] not in allowed(folder_of(path))]
    assert wrong == []


def test_there_is_no_circle_between_folders():
    edges = {}
    for path, name in own_includes():
        if name.split("/")[0] != folder_of(path):
            edges.setdefault(folder_of(path), set()).add(name.split("/")[0])
    done, under_way = set(), []

    def visit(folder):
        assert folder not in under_way, " -> ".join([*under_way, folder])
        if folder in done:
            return
        under_way.append(folder)
        for below in sorted(edges.get(folder, ())):
            visit(below)
        under_way.pop()
        done.add(folder)

    for folder in sorted(edges):
        visit(folder)


@pytest.mark.parametrize("header", sorted(DOORS))
def test_a_library_has_one_door(header):
    wrong = [f"{relative(path)} includes <{name}>" for path in sources()
             for quoted, name in includes(path)
             if not quoted and name.startswith(header) and folder_of(path) not in DOORS[header]]
    assert wrong == []


def test_every_foreign_header_is_known():
    """A new library gets its line in DOORS: angle brackets mean the standard library otherwise."""
    standard = re.compile(r"^[a-z0-9_]+$")                                    # <vector>
    system = re.compile(r"^(sys|net|netinet|arpa|linux|asm)/[a-z0-9_]+\.h$")  # <sys/socket.h>
    posix = {"termios.h", "unistd.h", "fcntl.h", "signal.h", "errno.h", "pthread.h", "netdb.h", "poll.h",
             "time.h",
             "malloc.h", "dirent.h", "glob.h", "pwd.h", "grp.h", "sched.h", "limits.h", "string.h",
             "stdlib.h", "stdio.h", "stdint.h", "stddef.h", "immintrin.h", "emmintrin.h",
             "nmmintrin.h"}
    unknown = [f"{relative(path)}: <{name}>" for path in sources() for quoted,
               name in includes(path)
               if not quoted and not standard.match(name) and not system.match(name)
               and name not in posix and not any(name.startswith(door) for door in DOORS)]
    assert unknown == []


def test_nothing_is_forward_declared_across_folders():
    wrong = [f"{relative(path)} declares {names.strip()} of {space}" for path in sources()
             for space, names in FORWARD.findall(text_of(path))
             if space != folder_of(path) and (SRC / space).is_dir()]
    assert wrong == []


def test_headers_are_guarded_by_pragma_once():
    assert [relative(path) for path in sources()
            if path.suffix == ".h" and "#pragma once" not in path.read_text()] == []


# Of the headers that every file is compiled with (packaging/cmake/folder.cmake): what needs which.
PRECOMPILED = {
    "fmt/format.h": r"\bfmt::", "array": r"\bstd::array\b", "atomic": r"\bstd::atomic\b", "chrono": r"\bstd::chrono::",
    "cstdint": r"\bu?int(?:8|16|32|64)_t\b", "functional": r"\bstd::function\b", "map": r"\bstd::(?:multi)?map\b",
    "memory": r"\bstd::(?:unique_ptr|shared_ptr|weak_ptr|make_unique|make_shared)\b", "optional": r"\bstd::(?:optional|nullopt)\b",
    "span": r"\bstd::span\b", "string": r"\bstd::(?:string|to_string)\b", "string_view": r"\bstd::string_view\b",
    "unordered_map": r"\bstd::unordered_map\b", "variant": r"\bstd::(?:variant|visit|monostate)\b", "vector": r"\bstd::vector\b",
    "algorithm": r"\bstd::(?:sort|find|find_if|any_of|all_of|none_of|lower_bound|upper_bound|min_element|max_element|copy_n|remove_if)\b",
    "utility": r"\bstd::(?:move|exchange|pair|forward|swap)\b",
}
BY_ANOTHER = {"string_view": {"string"}, "utility": {"memory", "string", "vector", "map", "optional", "functional", "tuple"},
              "cstdint": {"atomic", "chrono", "string", "netinet/in.h", "stdint.h"}}   # which bring it along


def reached(path, known):
    """gives: the foreign headers that a file includes, itself or through our own"""
    if path not in known:
        known[path] = set()
        for quoted, name in includes(path):
            known[path] |= reached(SRC / name, known) if quoted else {name}
    return known[path]


def test_nobody_lives_on_a_precompiled_header_alone():
    """Every file would compile without them."""
    known, wrong = {}, []
    for path in sources():
        there, text = reached(path, known), text_of(path)
        for header, use in PRECOMPILED.items():
            if re.search(use, text) and not there & ({header} | BY_ANOTHER.get(header, set())):
                wrong.append(f"{relative(path)} needs <{header}>")
    assert wrong == []
